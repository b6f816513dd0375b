"""An honest user of the way out, run inside a sandbox: tries what the JSON argument asks, prints one JSON object."""
import http.client, json, os, socket, sys, threading, time, zlib

want = json.loads(sys.argv[1])
got = {}


def get(host, path, seconds=10):
    connection = http.client.HTTPConnection(host, 80, timeout=seconds)
    connection.request('GET', path)
    return connection.getresponse()


def tried(work):
    try:
        return work()
    except Exception as error:
        return f'{type(error).__name__}: {error}'


def exit_address():
    return get(want['exit'], '/ip').read().decode().strip()


def resolver():
    """The zone answers with the address that asked it."""
    return socket.gethostbyname(want['resolver'])


def download():
    begin = time.time()
    response = get(want['web'], f"/bytes/{want['bytes']}", 60)
    total, checksum = 0, 0
    while block := response.read(1 << 20):
        total += len(block)
        checksum = zlib.crc32(block, checksum)
    right = int(response.headers['x-crc32'])
    return {'bytes': total, 'right': checksum == right, 'seconds': time.time() - begin}


def upload():
    data = os.urandom(1 << 20) * (want['upload'] >> 20)
    connection = http.client.HTTPConnection(want['web'], 80, timeout=60)
    connection.request('POST', '/sink', data)
    seen = json.loads(connection.getresponse().read())
    return {'bytes': seen['bytes'], 'right': seen['crc32'] == zlib.crc32(data)}


def parallel():
    """All open at one time before the first asks."""
    answers, together = [], threading.Barrier(want['parallel'], timeout=30)

    def one():
        try:
            # Each says something at once: as a server of Shadowsocks 2022 sing-box 1.12.12 keeps a request's salt in a
            # buffer that it has given back (shadowaead_2022/service.go), so that it answers some of those that come
            # later with another's, and the client ends them ("bad request salt"): with us and with its plain client.
            with socket.create_connection((want['web'], 80), 20) as it:
                it.sendall(b'GET /ip HTTP/1.0\r\n')
                together.wait()
                it.sendall(b'\r\n')
                text = b''
                while part := it.recv(4096):
                    text += part
                answers.append(text.split(b'\r\n\r\n')[1].decode().strip())
        except Exception as error:
            answers.append(repr(error))

    threads = [threading.Thread(target=one) for _ in range(want['parallel'])]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    return {answer: answers.count(answer) for answer in set(answers)}


def udp():
    """One small and one that fills a usual link; an answer may be lost on the way, so each may be asked again."""
    answers = []
    for size in want['udpSizes']:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.settimeout(2)
        payload = b'p' * size
        for _ in range(want['udpTries']):
            sender.sendto(payload, (want['web'], want['udp']))
            try:
                seen, _ = sender.recvfrom(4096)
            except OSError as error:
                answer = repr(error)
                continue
            address, _, echoed = seen.partition(b' ')
            answer = address.decode() if echoed == payload else 'garbled'
            break
        answers.append(answer)
    return answers


for name, work in list(globals().items()):
    if name in want['try']:
        got[name] = tried(work)
print(json.dumps(got))
