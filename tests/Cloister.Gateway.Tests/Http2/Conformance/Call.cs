using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>One connection through a gateway whose call on stream 1 is brought into a state, from either side.</summary>
internal sealed class Call : IDisposable
{
    internal const string Path = "/etcdserverpb.Maintenance/Status";

    private const int Last = 100_001;

    internal static readonly (string, string)[] Begun = [(":status", "200"), ("content-type", "application/grpc")];

    internal Call(Pair pair)
    {
        (Client, Etcd) = pair.Connect();
    }

    internal RawPeer Client { get; }

    internal RawPeer Etcd { get; }

    public void Dispose()
    {
        Client.Dispose();
        Etcd.Dispose();
    }

    /// <summary>As the API server's side sees it.</summary>
    internal void BringClientTo(State state)
    {
        switch (state)
        {
            case State.Open:
                Client.Headers(1, false, RawPeer.Call(Path));
                Etcd.NextHeaders();
                break;
            case State.HalfClosed:
                Client.Headers(1, true, RawPeer.Call(Path));
                Etcd.NextHeaders();
                break;
            case State.Closed:
                BringClientTo(State.HalfClosed);
                Etcd.Headers(1, true, [.. Begun, ("grpc-status", "0")]);
                Client.NextHeaders();
                break;
            case State.ResetBySender:
                BringClientTo(State.Open);
                Client.Reset(1, Http2ErrorCode.Cancel);
                Etcd.Next(FrameType.RstStream);
                break;
            case State.ResetByGateway:
                Client.Headers(1, false, RawPeer.Call("/not.etcd/Call"));
                Client.Next(FrameType.RstStream);
                break;
            default:
                break;
        }
    }

    /// <summary>As etcd's side sees it.</summary>
    internal void BringEtcdTo(State state)
    {
        switch (state)
        {
            case State.Open:
                BringClientTo(State.Open);
                Etcd.Headers(1, false, Begun);
                Client.NextHeaders();
                break;
            case State.HalfClosed:
                BringClientTo(State.Open);
                Etcd.Headers(1, true, [.. Begun, ("grpc-status", "0")]);
                Client.NextHeaders();
                break;
            case State.HalfClosedRemote:
                BringClientTo(State.HalfClosed);
                break;
            case State.Closed:
                BringClientTo(State.Closed);
                break;
            case State.ResetBySender:
                BringClientTo(State.Open);
                Etcd.Reset(1, Http2ErrorCode.InternalError);
                Client.Next(FrameType.RstStream);
                break;
            case State.ResetByGateway:
                BringClientTo(State.ResetBySender);
                break;
            default:
                break;
        }
    }

    /// <summary>Frames that end something, of what the API server gets until a later call is answered, which needs no etcd.</summary>
    internal List<(FrameType Type, int StreamId, Http2ErrorCode Code)> ClientEndings()
    {
        Client.Headers(Last, true, RawPeer.Call("/not.etcd/Last"));
        return Endings(Client, header => header is { Type: FrameType.Headers, StreamId: Last });
    }

    /// <summary>The same of what etcd gets until a ping of its own is answered.</summary>
    internal List<(FrameType Type, int StreamId, Http2ErrorCode Code)> EtcdEndings()
    {
        Etcd.Send(FrameType.Ping, 0, 0, "the last"u8);
        return Endings(Etcd, header => header.Type == FrameType.Ping && header.Has(FrameHeader.Ack));
    }

    /// <summary>The code of GOAWAY, with which the connection has to end.</summary>
    internal static Http2ErrorCode EndOf(RawPeer peer)
    {
        Http2ErrorCode code = RawPeer.Code(peer.Next(FrameType.GoAway).Payload);
        Assert.Null(peer.Next());
        return code;
    }

    private static List<(FrameType, int, Http2ErrorCode)> Endings(RawPeer peer, Predicate<FrameHeader> last)
    {
        List<(FrameType, int, Http2ErrorCode)> endings = [];
        while (true)
        {
            (FrameHeader header, byte[] payload) = peer.Next() ?? throw new EndOfStreamException("the connection ended");
            if (header.Type is FrameType.RstStream or FrameType.GoAway)
            {
                endings.Add((header.Type, header.StreamId, RawPeer.Code(payload)));
            }

            if (last(header))
            {
                return endings;
            }
        }
    }
}
