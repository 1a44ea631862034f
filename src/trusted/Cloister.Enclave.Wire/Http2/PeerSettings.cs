using System.Buffers.Binary;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>What a peer announced, as far as it matters here. Source: RFC 9113, section 6.5. Not thread-safe. secrets: none.</summary>
internal sealed class PeerSettings
{
    private const int EntrySize = 6;

    private readonly uint _maxEnablePush;

    /// <param name="ofServer">A server may not enable pushes, not even for itself.</param>
    internal PeerSettings(bool ofServer)
    {
        _maxEnablePush = ofServer ? 0u : 1u;
    }

    /// <summary>Bytes that may be sent on a new stream.</summary>
    internal int InitialWindow { get; private set; } = FlowControl.DefaultWindow;

    /// <summary>Streams that may be open at the same time.</summary>
    internal uint MaxStreams { get; private set; } = uint.MaxValue;

    /// <summary>Bytes of its table of headers.</summary>
    internal uint TableSize { get; private set; } = HpackDecoder.TableSize;

    /// <summary>The smallest that the last frame made it.</summary>
    internal uint SmallestTableSize { get; private set; } = HpackDecoder.TableSize;

    /// <summary>The largest that the last frame made it.</summary>
    internal uint LargestTableSize { get; private set; } = HpackDecoder.TableSize;

    /// <summary>Reads a SETTINGS frame's payload.</summary>
    /// <exception cref="Http2Exception">A value is not allowed.</exception>
    internal void Apply(ReadOnlySpan<byte> payload)
    {
        if (payload.Length % EntrySize != 0)
        {
            throw new Http2Exception(PeerFault.SettingsSize);
        }

        SmallestTableSize = LargestTableSize = TableSize;
        for (; !payload.IsEmpty; payload = payload[EntrySize..])
        {
            uint value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case 1:
                    TableSize = value;
                    SmallestTableSize = Math.Min(SmallestTableSize, value);
                    LargestTableSize = Math.Max(LargestTableSize, value);
                    break;
                case 2 when value > _maxEnablePush:
                    throw new Http2Exception(PeerFault.EnablePush);
                case 3:
                    MaxStreams = value;
                    break;
                case 4:
                    InitialWindow = value <= int.MaxValue
                        ? (int)value
                        : throw new Http2Exception(PeerFault.InitialWindowSize);
                    break;
                case 5 when value is < FrameReader.MaxPayload or > 0xFFFFFF:
                    throw new Http2Exception(PeerFault.MaxFrameSize);
                default:
                    // Frames sent from here have the least size, so nothing else matters.
                    break;
            }
        }
    }

    /// <summary>The payload of a SETTINGS frame.</summary>
    internal static byte[] Payload(params ReadOnlySpan<(int Id, int Value)> settings)
    {
        byte[] payload = new byte[settings.Length * EntrySize];
        for (int i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * EntrySize), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * EntrySize) + 2), (uint)settings[i].Value);
        }

        return payload;
    }
}
