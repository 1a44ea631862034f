using System.Text;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>What a member of etcd made of a read that needs the whole cluster.</summary>
/// <param name="Serves">It was carried out.</param>
/// <param name="Answered">The member itself said so; else it said nothing in time.</param>
/// <param name="Reason">Why not, for the log.</param>
internal sealed record EtcdVerdict(bool Serves, bool Answered, string Reason);

/// <summary>
/// Asks one member of etcd for a key as an API server does, over a connection of its own. A member that has no leader, that only learns or
/// that is cut off from the others accepts connections and answers what it can alone; this it cannot. Source: etcd, server/etcdserver/api/v3rpc.
/// Stateless. secrets: none.
/// </summary>
internal static class EtcdProbe
{
    private const int MaxReasonLength = 200;

    // KV/Range of /registry/health, linearizable, without values.
    private static readonly byte[] Message =
    [
        0, 0, 0, 0, 22, 0x0A, 16, .. "/registry/health"u8, 0x18, 1, 0x40, 1,
    ];

    private static readonly List<HeaderField> Headers =
    [
        new(":method"u8.ToArray(), "POST"u8.ToArray()), new(":scheme"u8.ToArray(), "http"u8.ToArray()),
        new(":path"u8.ToArray(), "/etcdserverpb.KV/Range"u8.ToArray()), new(":authority"u8.ToArray(), "etcd"u8.ToArray()),
        new("content-type"u8.ToArray(), "application/grpc"u8.ToArray()), new("te"u8.ToArray(), "trailers"u8.ToArray()),
    ];

    /// <summary>Asks. Whoever calls ends the connection when it takes too long.</summary>
    /// <param name="etcd">A connection on which nothing was said yet.</param>
    /// <param name="preface">What a client begins with.</param>
    /// <exception cref="IOException">It ended.</exception>
    /// <exception cref="Http2Exception">The peer is not etcd.</exception>
    internal static EtcdVerdict Ask(Stream etcd, ReadOnlySpan<byte> preface)
    {
        FrameWriter writer = new();
        writer.Raw(preface);
        writer.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((2, 0), (6, HpackDecoder.MaxListSize)));
        writer.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1, new HpackEncoder().Encode(Headers));
        writer.Frame(FrameType.Data, FrameHeader.EndStream, 1, Message);
        Send(etcd, writer);
        using FrameReader reader = new(etcd);
        HpackDecoder hpack = new();
        HeaderBlock block = new();
        while (true)
        {
            FrameHeader header;
            ReadOnlySpan<byte> payload;
            while (!reader.TryNext(out header, out payload))
            {
                if (!reader.Fill())
                {
                    throw new IOException("closed");
                }
            }

            bool complete = false;
            switch (header.Type)
            {
                case FrameType.Settings or FrameType.Ping when !header.Has(FrameHeader.Ack):
                    writer.Frame(header.Type, FrameHeader.Ack, 0, header.Type == FrameType.Ping ? payload : default);
                    Send(etcd, writer);
                    break;
                case FrameType.Headers:
                    complete = block.Begin(header, payload);
                    break;
                case FrameType.Continuation:
                    complete = block.Continue(header, payload);
                    break;
                case FrameType.RstStream:
                    return new EtcdVerdict(false, true, "it resets reads");
                case FrameType.GoAway:
                    return new EtcdVerdict(false, true, "it is stopping");
            }

            if (complete && Verdict(hpack.Decode(block.Bytes)) is { } verdict)
            {
                return verdict;
            }
        }
    }

    /// <summary>Speaks until the peer is known to speak HTTP/2.</summary>
    /// <exception cref="IOException">It ended.</exception>
    /// <exception cref="Http2Exception">It speaks something else.</exception>
    internal static void Greet(Stream etcd, ReadOnlySpan<byte> preface)
    {
        FrameWriter writer = new();
        writer.Raw(preface);
        writer.Frame(FrameType.Settings, 0, 0, default);
        Send(etcd, writer);
        using FrameReader reader = new(etcd);
        AwaitSettings(reader);
    }

    /// <summary>Waits for the first frame, which stays to be read.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="Http2Exception">It is not SETTINGS.</exception>
    internal static void AwaitSettings(FrameReader reader)
    {
        FrameHeader header;
        while (!reader.TryPeek(out header, out _))
        {
            if (!reader.Fill())
            {
                throw new IOException("closed");
            }
        }

        if (header.Type != FrameType.Settings)
        {
            throw new Http2Exception(PeerFault.NoSettingsFirst);
        }
    }

    /// <summary>What trailers say of the member that sent them.</summary>
    /// <returns>Null when they have no status.</returns>
    internal static EtcdVerdict? Verdict(List<HeaderField> fields)
    {
        if (fields.Find(field => field.Is("grpc-status"u8)).Value is not { } status)
        {
            return null;
        }

        // PERMISSION_DENIED is said after the cluster was asked: that role may not read this key.
        return status.AsSpan().SequenceEqual("0"u8) || status.AsSpan().SequenceEqual("7"u8)
            ? new EtcdVerdict(true, true, "")
            : new EtcdVerdict(false, true, Text(fields.Find(field => field.Is("grpc-message"u8)).Value ?? status));
    }

    private static string Text(byte[] message) =>
        new([.. Encoding.Latin1.GetString(message.AsSpan(0, Math.Min(message.Length, MaxReasonLength))).Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    private static void Send(Stream etcd, FrameWriter writer)
    {
        etcd.Write(writer.Written);
        writer.Clear();
    }
}
