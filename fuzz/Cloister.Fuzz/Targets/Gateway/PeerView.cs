using System.Buffers.Binary;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// One peer of a session, seen from outside: what it sent, and what it got. What it gets has to be whole frames that a strict peer takes,
/// however the other side breaks the rules. Source: RFC 9113, sections 4 to 6.
/// </summary>
internal sealed class PeerView
{
    private readonly Dictionary<int, bool> _ended = [];
    private readonly Dictionary<int, long> _grantedStreams = [];
    private readonly Dictionary<int, long> _data = [];
    private readonly HpackDecoder _hpack = new();
    private readonly bool _isClient;
    private long _granted = FlowControl.DefaultWindow;
    private long _window = FlowControl.DefaultWindow;
    private long _largestWindow = FlowControl.DefaultWindow;
    private long _all;
    private uint _table = HpackDecoder.TableSize;
    private bool _shrinks;
    private bool _shrunk;

    /// <param name="isClient">It opens streams; else they are opened to it.</param>
    internal PeerView(bool isClient)
    {
        _isClient = isClient;
    }

    /// <summary>Notes what it sent in one turn, as far as that says how much it takes. What is not whole is not read by the other side either.</summary>
    internal void Sent(byte[] bytes)
    {
        _largestWindow = _window;
        foreach (byte[] frame in FrameMutator.Cut(bytes).Where(frame => frame.Length >= FrameHeader.Size))
        {
            FrameHeader header = FrameHeader.Read(frame);
            byte[] payload = frame[FrameHeader.Size..];
            if (payload.Length != header.Length)
            {
                return;
            }

            if (header.Type == FrameType.WindowUpdate && payload.Length == 4)
            {
                int more = FlowControl.ReadIncrement(payload);
                _granted += header.StreamId == 0 ? more : 0;
                _grantedStreams[header.StreamId] = _grantedStreams.GetValueOrDefault(header.StreamId) + more;
            }
            else if (header.Type == FrameType.Settings)
            {
                OnSettings(payload);
            }
        }
    }

    /// <summary>Checks what it got in one turn, whoever's.</summary>
    /// <exception cref="InvalidOperationException">A rule is broken.</exception>
    internal void Got(byte[] bytes)
    {
        foreach (byte[] frame in FrameMutator.Cut(bytes))
        {
            Require(frame.Length >= FrameHeader.Size, "a frame is cut off");
            FrameHeader header = FrameHeader.Read(frame);
            Require(frame.Length == FrameHeader.Size + header.Length && header.Length <= FrameReader.MaxPayload, "a frame is cut off, or too large");
            switch (header.Type)
            {
                case FrameType.Headers:
                    OnHeaders(header, frame.AsSpan(FrameHeader.Size));
                    break;
                case FrameType.Data:
                    OnData(header);
                    break;
                case FrameType.RstStream:
                    Require(header.StreamId != 0, "a reset of the connection");
                    if (_ended.ContainsKey(header.StreamId))
                    {
                        _ended[header.StreamId] = true;
                    }

                    break;
                case FrameType.WindowUpdate:
                    Require(FlowControl.ReadIncrement(frame.AsSpan(FrameHeader.Size)) > 0, "WINDOW_UPDATE of zero");
                    break;
                default:
                    Require(header.StreamId == 0 && header.Type is FrameType.Settings or FrameType.Ping or FrameType.GoAway, $"a frame of type {header.Type} on stream {header.StreamId}");
                    break;
            }
        }

        // What was sent in this turn may have been written before that was read.
        (_shrunk, _shrinks) = (_shrunk || _shrinks, false);
    }

    private void OnSettings(ReadOnlySpan<byte> payload)
    {
        for (; payload.Length >= 6; payload = payload[6..])
        {
            uint value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case 1:
                    value = Math.Min(value, HpackDecoder.TableSize);
                    _shrinks |= value < _table;
                    _table = value;
                    break;
                case 4:
                    _window = value;
                    _largestWindow = Math.Max(_largestWindow, value);
                    break;
                default:
                    break;
            }
        }
    }

    private void OnHeaders(FrameHeader header, ReadOnlySpan<byte> block)
    {
        // A peer that made its table smaller has to hear so. Source: RFC 7541, section 4.2.
        bool told = block is [>= 0x20 and < 0x40, ..];
        Require(told || !_shrunk, "a smaller table is not acknowledged");
        (_shrinks, _shrunk) = told ? (false, false) : (_shrinks, false);
        Require(header.Has(FrameHeader.EndHeaders) && header.StreamId % 2 == 1, "HEADERS that are not whole, or of no stream");
        Require(!_ended.TryGetValue(header.StreamId, out bool ended) || !ended, "HEADERS after the end of a stream");
        List<HeaderField> fields = _hpack.Decode(block);
        bool first = !_ended.ContainsKey(header.StreamId);
        Require(first ? _isClient ? HeaderRules.IsResponse(fields) : HeaderRules.IsRequest(fields) : header.Has(FrameHeader.EndStream) && HeaderRules.IsTrailers(fields), "headers are malformed");
        _ended[header.StreamId] = header.Has(FrameHeader.EndStream);
    }

    private void OnData(FrameHeader header)
    {
        Require(_ended.TryGetValue(header.StreamId, out bool ended) && !ended, "DATA without headers, or after the end of a stream");
        _ended[header.StreamId] = header.Has(FrameHeader.EndStream);
        _all += header.Length;
        long one = _data[header.StreamId] = _data.GetValueOrDefault(header.StreamId) + header.Length;
        Require(header.Length == 0 || (_all <= _granted && one <= _largestWindow + _grantedStreams.GetValueOrDefault(header.StreamId)), "more DATA than a window");
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }
}
