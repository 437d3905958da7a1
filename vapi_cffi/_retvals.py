"""What negative retvals mean: VPP's numbers and symbolic names (`VNET_API_ERROR_...`), in our
words."""

from __future__ import annotations

_TABLE = """
-1 UNSPECIFIED the request failed, VPP does not say why
-2 INVALID_SW_IF_INDEX there is no interface with that sw_if_index
-3 NO_SUCH_FIB there is no such routing table (VRF)
-4 NO_SUCH_INNER_FIB there is no such inner routing table (VRF)
-5 NO_SUCH_LABEL there is no such label
-6 NO_SUCH_ENTRY there is no such entry
-7 INVALID_VALUE a value is not allowed
-8 INVALID_VALUE_2 a second value is not allowed
-9 UNIMPLEMENTED VPP does not implement that
-10 INVALID_SW_IF_INDEX_2 there is no interface with the second sw_if_index
-11 SYSCALL_ERROR_1 a system call of VPP failed (1)
-12 SYSCALL_ERROR_2 a system call of VPP failed (2)
-13 SYSCALL_ERROR_3 a system call of VPP failed (3)
-14 SYSCALL_ERROR_4 a system call of VPP failed (4)
-15 SYSCALL_ERROR_5 a system call of VPP failed (5)
-16 SYSCALL_ERROR_6 a system call of VPP failed (6)
-17 SYSCALL_ERROR_7 a system call of VPP failed (7)
-18 SYSCALL_ERROR_8 a system call of VPP failed (8)
-19 SYSCALL_ERROR_9 a system call of VPP failed (9)
-20 SYSCALL_ERROR_10 a system call of VPP failed (10)
-30 FEATURE_DISABLED VPP's configuration turns this feature off
-31 INVALID_REGISTRATION the client is not registered for that
-50 NEXT_HOP_NOT_IN_FIB the routing table does not know the next hop
-51 UNKNOWN_DESTINATION the destination is unknown
-52 NO_PATHS_IN_ROUTE the route has no path
-53 NEXT_HOP_NOT_FOUND_MP no path of the multipath route has that next hop
-54 NO_MATCHING_INTERFACE no interface matches the probe
-55 INVALID_VLAN not a VLAN that can be used
-56 VLAN_ALREADY_EXISTS a subinterface with that VLAN exists
-57 INVALID_SRC_ADDRESS the source address cannot be used
-58 INVALID_DST_ADDRESS the destination address cannot be used
-59 ADDRESS_LENGTH_MISMATCH the length does not fit the address
-60 ADDRESS_NOT_FOUND_FOR_INTERFACE the interface does not have that address
-61 ADDRESS_NOT_DELETABLE that address cannot be removed
-62 IP6_NOT_ENABLED the interface has no IPv6 enabled
-63 NO_SUCH_NODE there is no such graph node
-64 NO_SUCH_NODE2 there is no such second graph node
-65 NO_SUCH_TABLE there is no such table
-66 NO_SUCH_TABLE2 there is no such second table
-67 NO_SUCH_TABLE3 there is no such third table
-68 SUBIF_ALREADY_EXISTS that subinterface exists
-69 SUBIF_CREATE_FAILED the subinterface could not be made
-70 INVALID_MEMORY_SIZE that amount of memory is not allowed
-71 INVALID_INTERFACE the interface is of the wrong kind
-72 INVALID_VLAN_TAG_COUNT the operation needs another number of VLAN tags
-73 INVALID_ARGUMENT an argument is not allowed
-74 UNEXPECTED_INTF_STATE the interface is not in the state that this needs
-75 TUNNEL_EXIST that tunnel exists
-76 INVALID_DECAP_NEXT packets cannot go there after decapsulation
-77 RESPONSE_NOT_READY the response is not ready yet
-78 NOT_CONNECTED there is no connection to the data plane
-79 IF_ALREADY_EXISTS that interface exists
-80 BOND_SLAVE_NOT_ALLOWED not possible on a member of a bond
-81 VALUE_EXIST that value is there already
-82 SAME_SRC_DST source and destination must differ
-83 IP6_MULTICAST_ADDRESS_NOT_PRESENT an IPv6 multicast address is needed
-84 SR_POLICY_NAME_NOT_PRESENT the segment routing policy needs a name
-85 NOT_RUNNING_AS_ROOT VPP does not run as root
-86 ALREADY_CONNECTED there is a connection to the data plane already
-87 UNSUPPORTED_JNI_VERSION this version of JNI is not supported
-88 IP_PREFIX_INVALID the prefix has bits set beyond its length
-89 INVALID_WORKER there is no such worker thread
-90 LISP_DISABLED LISP is turned off
-91 CLASSIFY_TABLE_NOT_FOUND there is no such classifier table
-92 INVALID_EID_TYPE LISP does not support that type of EID
-93 CANNOT_CREATE_PCAP_FILE the pcap file could not be made
-94 INCORRECT_ADJACENCY_TYPE the adjacency is of the wrong type for this
-95 EXCEEDED_NUMBER_OF_RANGES_CAPACITY more ranges than VPP was configured for
-96 EXCEEDED_NUMBER_OF_PORTS_CAPACITY more ports than VPP has room for
-97 INVALID_ADDRESS_FAMILY the address family does not fit
-98 INVALID_SUB_SW_IF_INDEX there is no subinterface with that sw_if_index
-99 TABLE_TOO_BIG the table would be too big
-100 CANNOT_ENABLE_DISABLE_FEATURE the feature can be turned neither on nor off
-101 BFD_EEXIST that BFD object exists
-102 BFD_ENOENT there is no such BFD object
-103 BFD_EINUSE the BFD object is in use
-104 BFD_NOTSUPP BFD does not support that
-105 ADDRESS_IN_USE the address is in use
-106 ADDRESS_NOT_IN_USE the address is not in use
-107 QUEUE_FULL a queue is full
-108 APP_UNSUPPORTED_CFG the application's configuration is not supported
-109 URI_FIFO_CREATE_FAILED the FIFO segment of the URI could not be made
-110 LISP_RLOC_LOCAL the RLOC address is local
-111 BFD_EAGAIN the BFD object cannot be changed at the moment
-112 INVALID_GPE_MODE not a mode of GPE
-113 LISP_GPE_ENTRIES_PRESENT there are LISP GPE entries
-114 ADDRESS_FOUND_FOR_INTERFACE the interface has that address
-115 SESSION_CONNECT the session could not connect
-116 ENTRY_ALREADY_EXISTS that entry exists
-117 SVM_SEGMENT_CREATE_FAIL the shared memory segment could not be made
-118 APPLICATION_NOT_ATTACHED the application is not attached
-119 BD_ALREADY_EXISTS that bridge domain exists
-120 BD_IN_USE the bridge domain has interfaces in it
-121 BD_NOT_MODIFIABLE bridge domain 0 can be neither changed nor removed
-122 BD_ID_EXCEED_MAX the number of the bridge domain is over 16777215
-123 SUBIF_DOESNT_EXIST there is no such subinterface
-124 L2_MACS_EVENT_CLINET_PRESENT another client gets the events of L2 addresses
-125 INVALID_QUEUE there is no such queue
-126 UNSUPPORTED not supported
-127 DUPLICATE_IF_ADDRESS another interface has that address
-128 APP_INVALID_NS there is no such application namespace
-129 APP_WRONG_NS_SECRET the secret of the application namespace is another one
-130 APP_CONNECT_SCOPE the scope does not allow to connect
-131 APP_ALREADY_ATTACHED the application is attached
-132 SESSION_REDIRECT the session could not be redirected
-133 ILLEGAL_NAME the name is not allowed
-134 NO_NAME_SERVERS no name server is configured
-135 NAME_SERVER_NOT_FOUND there is no such name server
-136 NAME_RESOLUTION_NOT_ENABLED name resolution is turned off
-137 NAME_SERVER_FORMAT_ERROR the name server called the query malformed
-138 NAME_SERVER_NO_SUCH_NAME the name server does not know that name
-139 NAME_SERVER_NO_ADDRESSES the name has no address
-140 NAME_SERVER_NEXT_SERVER ask the next name server
-141 APP_CONNECT_FILTERED a filter refused the connection
-142 ACL_IN_USE_INBOUND an interface uses the ACL for input
-143 ACL_IN_USE_OUTBOUND an interface uses the ACL for output
-144 INIT_FAILED initialization failed
-145 NETLINK_ERROR netlink reported an error
-146 BIER_BSL_UNSUP BIER does not support bit strings of that length
-147 INSTANCE_IN_USE that instance number is in use
-148 INVALID_SESSION_ID not a number that a session can have
-149 ACL_IN_USE_BY_LOOKUP_CONTEXT a lookup context uses the ACL
-150 INVALID_VALUE_3 a third value is not allowed
-151 NON_ETHERNET the interface is no Ethernet
-152 BD_ALREADY_HAS_BVI the bridge domain has a BVI
-153 INVALID_PROTOCOL the protocol is not allowed
-154 INVALID_ALGORITHM the algorithm is not allowed
-155 RSRC_IN_USE the resource is in use
-156 KEY_LENGTH the key has a wrong length
-157 FIB_PATH_UNSUPPORTED_NH_PROTO paths do not support next hops of that protocol
-159 API_ENDIAN_FAILED byte orders do not fit
-160 NO_CHANGE nothing to change
-161 MISSING_CERT_KEY the certificate or its key is missing
-162 LIMIT_EXCEEDED over a limit
-163 IKE_NO_PORT IKE does not manage that port
-164 UDP_PORT_TAKEN the UDP port is taken
-165 EAGAIN there is more: call again with the cursor
-166 INVALID_VALUE_4 a fourth value is not allowed
-167 BUSY VPP is busy with that
-168 BUG VPP found a mistake in itself
-169 FEATURE_ALREADY_DISABLED the feature is off already
-170 FEATURE_ALREADY_ENABLED the feature is on already
-171 INVALID_PREFIX_LENGTH not a length of a prefix
"""

#: retval of a stream that goes on at the cursor of the reply.
EAGAIN = -165

_known: dict[int, tuple[str, str]] = {}


def _table() -> dict[int, tuple[str, str]]:
    """The table, parsed at the first error."""
    if not _known:
        for line in _TABLE.strip().splitlines():
            number, name, text = line.split(" ", 2)
            _known[int(number)] = (name, text)
    return _known


def name_of(retval: int) -> str:
    """VPP's symbol: `name_of(-2)` is "INVALID_SW_IF_INDEX"; "" for numbers that VPP does not
    have."""
    return _table().get(retval, ("", ""))[0]


def text_of(retval: int) -> str:
    """The meaning in words."""
    return _table().get(retval, ("", "a number that VPP's list does not have"))[1]
