using System.Text;

namespace Cloister.Contracts.Wire;

/// <summary>
/// Reads the fields of one Protocol Buffers message in place: nothing is copied, so secret fields stay where the caller put them.
/// Unknown fields can be skipped; groups, truncated fields and field number 0 are refused.
/// </summary>
public ref struct ProtoReader
{
    private readonly ReadOnlySpan<byte> _message;
    private int _position;

    /// <summary>Starts at the first field of <paramref name="message"/>.</summary>
    public ProtoReader(ReadOnlySpan<byte> message)
    {
        _message = message;
    }

    /// <summary>Field number of the field last read by <see cref="Next"/>.</summary>
    public int Field { get; private set; }

    /// <summary>Wire type of the field last read by <see cref="Next"/>.</summary>
    public WireType Type { get; private set; }

    /// <summary>Offset of the next unread byte.</summary>
    public readonly int Position => _position;

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    /// <exception cref="WireException">The tag is malformed.</exception>
    public bool Next()
    {
        if (_position == _message.Length)
        {
            return false;
        }

        int start = _position;
        ulong tag = Varint();
        ulong number = tag >> 3;
        if (number is 0 or > 536_870_911)
        {
            throw new WireException("field number out of range", start);
        }

        WireType type = (WireType)(tag & 7);
        if (type is not (WireType.Varint or WireType.Fixed64 or WireType.LengthDelimited or WireType.Fixed32))
        {
            throw new WireException("unsupported wire type", start);
        }

        Field = (int)number;
        Type = type;
        return true;
    }

    /// <summary>The content of a length-delimited field, in place.</summary>
    /// <exception cref="WireException">Another wire type, or the length passes the end.</exception>
    public ReadOnlySpan<byte> Bytes()
    {
        Require(WireType.LengthDelimited);
        int start = _position;
        ulong length = Varint();
        if (length > (ulong)(_message.Length - _position))
        {
            throw new WireException("length passes the end of the message", start);
        }

        ReadOnlySpan<byte> content = _message.Slice(_position, (int)length);
        _position += (int)length;
        return content;
    }

    /// <summary>Where the content of a length-delimited field stands, for callers that hold the message as memory.</summary>
    /// <exception cref="WireException">Another wire type, or the length passes the end.</exception>
    public Range BytesRange()
    {
        int length = Bytes().Length;
        return (_position - length).._position;
    }

    /// <summary>A string field; not for secrets.</summary>
    /// <exception cref="WireException">Another wire type, or not valid UTF-8.</exception>
    public string String() => Encoding.UTF8.GetString(Utf8());

    /// <summary>The bytes of a string field, in place.</summary>
    /// <exception cref="WireException">As for <see cref="String"/>.</exception>
    public ReadOnlySpan<byte> Utf8()
    {
        int start = _position;
        ReadOnlySpan<byte> content = Bytes();
        return System.Text.Unicode.Utf8.IsValid(content) ? content : throw new WireException("string is not UTF-8", start);
    }

    /// <summary>An integer field.</summary>
    /// <exception cref="WireException">Another wire type, or a malformed varint.</exception>
    public ulong Integer()
    {
        Require(WireType.Varint);
        return Varint();
    }

    /// <summary>Skips the value of the current field.</summary>
    /// <exception cref="WireException">The value is truncated.</exception>
    public void Skip()
    {
        switch (Type)
        {
            case WireType.Varint:
                Varint();
                break;
            case WireType.Fixed64:
                Advance(8);
                break;
            case WireType.Fixed32:
                Advance(4);
                break;
            default:
                Bytes();
                break;
        }
    }

    private void Advance(int count)
    {
        if (_message.Length - _position < count)
        {
            throw new WireException("field is truncated", _position);
        }

        _position += count;
    }

    private readonly void Require(WireType type)
    {
        if (Type != type)
        {
            throw new WireException($"field {Field} has wire type {(int)Type}, expected {(int)type}", _position);
        }
    }

    private ulong Varint()
    {
        int start = _position;
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (_position == _message.Length)
            {
                throw new WireException("varint is truncated", start);
            }

            byte next = _message[_position++];
            if (shift == 63 && next > 1)
            {
                break;
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new WireException("varint is longer than 64 bits", start);
    }
}
