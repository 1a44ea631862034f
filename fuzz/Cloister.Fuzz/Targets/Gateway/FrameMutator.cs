using System.Buffers.Binary;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>Changes what a peer sends frame by frame: their lengths stay right, and those of the gRPC messages in DATA.</summary>
internal static class FrameMutator
{
    private const int PrefixSize = 5;
    private const int MaxStreamId = 16;

    internal static byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus)
    {
        // As if nothing were known of frames, every third time.
        if (mutator.Random.Next(3) == 0)
        {
            return mutator.Mutate(corpus);
        }

        List<byte[]> frames = PieceMutator.Mutate(mutator, Cut(mutator.Any(corpus)), Cut(mutator.Any(corpus)), frame => Change(mutator, frame, corpus));
        return [.. frames.SelectMany(frame => frame)];
    }

    /// <summary>The frames of what a peer sends; the last may be a part of one.</summary>
    internal static List<byte[]> Cut(byte[] bytes)
    {
        List<byte[]> frames = [];
        for (int start = 0; start < bytes.Length;)
        {
            int left = bytes.Length - start;
            int size = left < FrameHeader.Size ? left : Math.Min(left, FrameHeader.Size + FrameHeader.Read(bytes.AsSpan(start)).Length);
            frames.Add(bytes[start..(start + size)]);
            start += size;
        }

        return frames;
    }

    private static byte[] Change(Mutator mutator, byte[] frame, IReadOnlyList<byte[]> corpus)
    {
        if (frame.Length < FrameHeader.Size)
        {
            return frame;
        }

        Random random = mutator.Random;
        FrameHeader header = FrameHeader.Read(frame);
        byte[] payload = frame[FrameHeader.Size..];
        switch (random.Next(8))
        {
            case 0:
                header = header with { Flags = (byte)(header.Flags ^ (1 << random.Next(8))) };
                break;
            case 1:
                header = header with { StreamId = random.Next(MaxStreamId) };
                break;
            case 2:
                header = header with { Type = (FrameType)random.Next(11) };
                break;
            case 3 when header.Type == FrameType.Data && payload.Length > 1:
                int cut = 1 + random.Next(payload.Length - 1);
                return [.. Frame(header with { Flags = 0 }, payload[..cut], frame), .. Frame(header, payload[cut..], frame)];
            case 4 or 5 or 6 when header.Type == FrameType.Data && payload.Length >= PrefixSize:
                byte[] message = MessageMutator.Mutate(mutator, payload[PrefixSize..], [payload[PrefixSize..]]);
                payload = [0, 0, 0, 0, 0, .. message];
                BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(1), message.Length);
                break;
            default:
                payload = mutator.Change(payload, corpus);
                break;
        }

        return Frame(header, payload, frame);
    }

    // The highest bit of the stream's number, which means nothing in HTTP/2, stays as it was: it says who sends the frame.
    private static byte[] Frame(FrameHeader header, byte[] payload, byte[] original)
    {
        payload = payload.Length > FrameReader.MaxPayload ? payload[..FrameReader.MaxPayload] : payload;
        byte[] frame = [.. new byte[FrameHeader.Size], .. payload];
        (header with { Length = payload.Length }).Write(frame);
        frame[5] |= (byte)(original[5] & 0x80);
        return frame;
    }
}
