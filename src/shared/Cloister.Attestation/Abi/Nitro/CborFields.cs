using System.Formats.Cbor;
using System.Text;

namespace Cloister.Attestation.Abi.Nitro;

/// <summary>
/// Reads CBOR (RFC 8949) along a known schema: each call says what must come next, so nothing is skipped, nesting never goes
/// deeper than the schema, and every failure names the field and its offset. Duplicate keys, invalid UTF-8 and strings in chunks
/// are refused; maps and arrays may be of indefinite length, as real documents have them.
/// </summary>
internal sealed class CborFields
{
    private readonly CborReader _reader;
    private readonly string _structure;
    private readonly int _end;

    public CborFields(ReadOnlyMemory<byte> data, string structure, int baseOffset = 0)
    {
        _reader = new CborReader(data, CborConformanceMode.Strict);
        _structure = structure;
        _end = baseOffset + data.Length;
    }

    /// <summary>Offset of the next byte in the whole evidence.</summary>
    public int Offset => _end - _reader.BytesRemaining;

    /// <summary>Whether the present map or array has another item.</summary>
    public bool HasItem(string field) => Read(field, static r => r.PeekState()) is not (CborReaderState.EndMap or CborReaderState.EndArray);

    public bool NextIsTag(string field) => Read(field, static r => r.PeekState()) == CborReaderState.Tag;

    public ulong Tag(string field) => Read(field, static r => (ulong)r.ReadTag());

    /// <summary>Starts a map; null for one of indefinite length.</summary>
    public int? StartMap(string field) => Read(field, static r => r.ReadStartMap());

    public void EndMap(string field) => Read(field, static r =>
    {
        r.ReadEndMap();
        return true;
    });

    /// <summary>Starts an array; null for one of indefinite length.</summary>
    public int? StartArray(string field) => Read(field, static r => r.ReadStartArray());

    public void EndArray(string field) => Read(field, static r =>
    {
        r.ReadEndArray();
        return true;
    });

    public ulong Unsigned(string field) => Read(field, static r => r.ReadUInt64());

    /// <summary>An integer of either sign that fits into 32 bits.</summary>
    public int Integer(string field) => Read(field, static r => r.ReadInt32());

    /// <summary>A byte string in one piece, as a slice of the input.</summary>
    public ReadOnlyMemory<byte> Bytes(string field, int minimum, int maximum)
    {
        int at = Offset;
        ReadOnlyMemory<byte> bytes = Read(field, static r => r.ReadDefiniteLengthByteString());
        return bytes.Length >= minimum && bytes.Length <= maximum
            ? bytes
            : throw ErrorAt(field, at, $"{bytes.Length} bytes, expected {minimum} to {maximum}");
    }

    /// <summary>A byte string in one piece, or null.</summary>
    public ReadOnlyMemory<byte>? BytesOrNull(string field, int minimum, int maximum)
    {
        if (Read(field, static r => r.PeekState()) != CborReaderState.Null)
        {
            return Bytes(field, minimum, maximum);
        }

        Read(field, static r =>
        {
            r.ReadNull();
            return true;
        });
        return null;
    }

    /// <summary>A text in one piece.</summary>
    public string Text(string field, int maximum)
    {
        int at = Offset;
        ReadOnlyMemory<byte> text = Read(field, static r => r.ReadDefiniteLengthTextStringBytes());
        return text.Length <= maximum
            ? Encoding.UTF8.GetString(text.Span)
            : throw ErrorAt(field, at, $"{text.Length} bytes of text, at most {maximum} are read");
    }

    /// <summary>Demands that nothing follows.</summary>
    public void End()
    {
        if (_reader.BytesRemaining != 0)
        {
            throw ErrorAt("end", Offset, $"{_reader.BytesRemaining} unexpected bytes follow");
        }
    }

    public EvidenceFormatException ErrorAt(string field, int offset, string problem) => new($"{_structure}.{field}", offset, problem);

    private T Read<T>(string field, Func<CborReader, T> read)
    {
        int at = Offset;
        try
        {
            return read(_reader);
        }
        catch (Exception e) when (e is CborContentException or InvalidOperationException or OverflowException or ArgumentException)
        {
            throw ErrorAt(field, at, "not CBOR of the expected type");
        }
    }
}
