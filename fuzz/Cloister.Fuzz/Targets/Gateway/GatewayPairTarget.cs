using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// Both sides of a gateway's connection with calls open and answers flowing: frames whose stream number has the highest bit, which means
/// nothing in HTTP/2, come from the API server, the others from etcd. Read to the end or refused with an error of HTTP/2; what either side
/// gets meanwhile keeps the rules (<see cref="PeerView"/>), and all memory is given back.
/// </summary>
internal sealed class GatewayPairTarget : IFuzzTarget
{
    private const int Memory = 1 << 20;
    private const byte FromClient = 0x80;

    private static readonly EnclaveLog Log = new((_, _, _) => { });

    private readonly StoredValues _values = new();
    private readonly EtcdMessages _messages;

    internal GatewayPairTarget()
    {
        _messages = StoredValues.Messages(_values.Sealed, PlaintextMode.Sealed, Memory);
    }

    public string Name => "gateway-pair";

    public IReadOnlyList<byte[]> Seeds
    {
        get
        {
            byte[] stored = _values.Stored("a Secret"u8);
            byte[] clear = "in clear"u8.ToArray();
            byte[] small = Client(frames => frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 40))));
            byte[] open = Client(frames => frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 100_000))));
            byte[] calls =
            [
                .. Call(1, "/etcdserverpb.KV/Range", EtcdSeeds.Ask(EtcdMessage.RangeResponse, one: false).Request), .. Call(3, "/etcdserverpb.KV/Txn", EtcdSeeds.Ask(EtcdMessage.TxnResponse, one: false).Request),
                .. Call(5, "/etcdserverpb.Watch/Watch", EtcdSeeds.Ask(EtcdMessage.WatchResponse, one: false).Request, ends: false), .. Call(7, "/etcdserverpb.KV/RangeStream", EtcdSeeds.Ask(EtcdMessage.RangeResponse, one: false).Request),
                .. Call(9, "/etcdserverpb.Lease/LeaseGrant", [8, 60]), .. Call(11, "/etcdserverpb.KV/Txn", EtcdSeeds.Txn(clear)),
            ];
            byte[] answers = Etcd(frames =>
            {
                Answer(frames, 1, [EtcdSeeds.Range(stored, stored)]);
                Answer(frames, 3, [EtcdSeeds.TxnResponse(stored)]);
                Answer(frames, 5, [EtcdSeeds.Watching, EtcdSeeds.Watch(stored, stored), EtcdSeeds.Watch(clear, stored)], ends: false);
                Answer(frames, 7, [EtcdSeeds.RangeStream(stored), EtcdSeeds.RangeStream(_values.Stored(new byte[20_000]))]);
                Answer(frames, 9, [[16, 60]]);
            });
            byte[] began = Etcd(frames => frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((3, 100), (4, 1000))));
            byte[] more = Client(frames =>
            {
                frames.WindowUpdate(0, 100_000);
                frames.WindowUpdate(1, 30_000);
                frames.WindowUpdate(7, 30_000);
                frames.RstStream(5, Http2ErrorCode.Cancel);
            });
            byte[] tables = Client(frames => frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((1, 0), (1, 200))));
            byte[] end = Etcd(frames =>
            {
                frames.Frame(FrameType.Ping, 0, 0, "12345678"u8);
                frames.WindowUpdate(3, 1000);
                frames.RstStream(5, Http2ErrorCode.InternalError);
                frames.GoAway(3, Http2ErrorCode.NoError, "bye");
            });
            return
            [
                [.. open, .. began, .. calls, .. answers, .. more, .. end], [.. small, .. began, .. calls, .. answers, .. more, .. end],
                [.. open, .. began, .. calls, .. end, .. answers], [.. open, .. began, .. answers, .. calls],
                [.. open, .. began, .. calls, .. tables, .. answers, .. tables, .. began],
            ];
        }
    }

    public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus) => FrameMutator.Mutate(mutator, corpus);

    public bool Run(ReadOnlySpan<byte> input)
    {
        MemoryBudget budget = new(Memory);
        MemoryBudget calls = new(Memory);
        using Peer client = new();
        using Peer etcd = new();
        PeerView clientView = new(isClient: true);
        PeerView etcdView = new(isClient: false);
        ProxySession session = new(client, etcd, budget, calls, new GatewayCounters());
        using FrameReader fromClient = new(client);
        using FrameReader fromEtcd = new(etcd);
        FramePump clientPump = new(session, fromClient, new ClientPump(session, Rewriter(), Log));
        FramePump etcdPump = new(session, fromEtcd, new EtcdPump(session, Rewriter()));
        bool valid = true;
        foreach ((bool byClient, byte[] bytes) in Turns(input.ToArray()))
        {
            (byClient ? client : etcd).Put(bytes);
            (byClient ? clientView : etcdView).Sent(bytes);
            valid = valid && Takes(byClient ? clientPump : etcdPump);
            clientView.Got(client.Take(last: !valid));
            etcdView.Got(etcd.Take(last: !valid));
        }

        session.Dispose();
        client.Take(last: true);
        etcd.Take(last: true);
        long taken = budget.Taken + calls.Taken;
        return taken == 0 ? valid : throw new InvalidOperationException($"{taken} bytes were not given back");
    }

    private MessageRewriter Rewriter() => new(_messages, Log, Memory, CancellationToken.None);

    private static bool Takes(FramePump pump)
    {
        try
        {
            pump.Run();
            return true;
        }
        catch (Http2Exception)
        {
            return false;
        }
    }

    // What one side sends until the other does.
    private static IEnumerable<(bool ByClient, byte[] Bytes)> Turns(byte[] input)
    {
        List<byte> turn = [];
        bool last = false;
        foreach (byte[] frame in FrameMutator.Cut(input))
        {
            bool byClient = frame.Length > 5 && (frame[5] & FromClient) != 0;
            if (byClient != last && turn.Count > 0)
            {
                yield return (last, [.. turn]);
                turn.Clear();
            }

            last = byClient;
            turn.AddRange(frame);
        }

        yield return (last, [.. turn]);
    }

    private static byte[] Call(int id, string path, byte[] message, bool ends = true) => Client(frames =>
    {
        byte[] block = HeaderLiterals.Block((":method", "POST"), (":scheme", "https"), (":path", path), ("content-type", "application/grpc"));
        frames.Frame(FrameType.Headers, FrameHeader.EndHeaders, id, block);
        frames.Frame(FrameType.Data, ends ? FrameHeader.EndStream : (byte)0, id, Message(message));
    });

    private static void Answer(FrameWriter frames, int id, byte[][] messages, bool ends = true)
    {
        frames.Frame(FrameType.Headers, FrameHeader.EndHeaders, id, HeaderLiterals.Block((":status", "200"), ("content-type", "application/grpc")));
        byte[] bytes = [.. messages.SelectMany(Message)];
        for (int at = 0; at < bytes.Length; at += FrameReader.MaxPayload)
        {
            frames.Frame(FrameType.Data, 0, id, bytes.AsSpan(at, Math.Min(FrameReader.MaxPayload, bytes.Length - at)));
        }

        if (ends)
        {
            frames.Frame(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.EndStream, id, HeaderLiterals.Block(("grpc-status", "0")));
        }
    }

    private static byte[] Message(byte[] message) => [0, 0, (byte)(message.Length >> 16), (byte)((message.Length >> 8) & 0xFF), (byte)(message.Length & 0xFF), .. message];

    private static byte[] Client(Action<FrameWriter> write)
    {
        List<byte[]> frames = FrameMutator.Cut(Etcd(write));
        frames.ForEach(frame => frame[5] |= FromClient);
        return [.. frames.SelectMany(frame => frame)];
    }

    private static byte[] Etcd(Action<FrameWriter> write)
    {
        FrameWriter frames = new();
        write(frames);
        return frames.Written.ToArray();
    }
}
