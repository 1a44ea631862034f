using System.Formats.Asn1;

namespace Cloister.Attestation.Abi;

/// <summary>Strict DER over a span: no recursion, no lax lengths, every failure names the field and its offset. Object identifiers come back as their raw content bytes.</summary>
public ref struct DerReader
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly string _structure;
    private readonly string? _part;
    private readonly int _base;
    private int _position;

    /// <summary>Reads <paramref name="data"/>, the structure called <paramref name="structure"/>, at <paramref name="baseOffset"/> of the whole.</summary>
    public DerReader(ReadOnlySpan<byte> data, string structure, int baseOffset = 0)
        : this(data, structure, null, baseOffset)
    {
    }

    // Names are put together only for an error: most values are read without one.
    private DerReader(ReadOnlySpan<byte> data, string structure, string? part, int baseOffset)
    {
        _data = data;
        _structure = structure;
        _part = part;
        _base = baseOffset;
        _position = 0;
    }

    /// <summary>Offset of the next byte in the whole.</summary>
    public readonly int Offset => _base + _position;

    /// <summary>Whether anything is left.</summary>
    public readonly bool HasData => _position < _data.Length;

    /// <summary>Whether a value with this tag comes next.</summary>
    public readonly bool NextIs(Asn1Tag tag) =>
        HasData && Asn1Tag.TryDecode(_data[_position..], out Asn1Tag next, out _) && next.HasSameClassAndValue(tag) && next.IsConstructed == tag.IsConstructed;

    /// <summary>Demands that nothing is left.</summary>
    public readonly void End()
    {
        if (HasData)
        {
            throw Error("end", $"{_data.Length - _position} unexpected bytes follow");
        }
    }

    /// <summary>The whole encoding (tag, length and contents) of the next value.</summary>
    public ReadOnlySpan<byte> Encoded(string field) => Next(field, out _, out _);

    /// <summary>The contents of the next value, whose tag must be <paramref name="tag"/>.</summary>
    public ReadOnlySpan<byte> Content(string field, Asn1Tag tag)
    {
        DerReader before = this;
        ReadOnlySpan<byte> whole = Next(field, out Asn1Tag found, out int contentOffset);
        if (!found.HasSameClassAndValue(tag) || found.IsConstructed != tag.IsConstructed)
        {
            throw before.Error(field, $"tag {found}, expected {tag}");
        }

        return whole[contentOffset..];
    }

    /// <summary>A constructed value with this tag, as a reader of its contents.</summary>
    public DerReader Constructed(string field, Asn1Tag tag)
    {
        ReadOnlySpan<byte> content = Content(field, tag);
        return new DerReader(content, _structure, field, Offset - content.Length);
    }

    /// <summary>SEQUENCE.</summary>
    public DerReader Sequence(string field) => Constructed(field, Asn1Tag.Sequence);

    /// <summary>SET.</summary>
    public DerReader Set(string field) => Constructed(field, Asn1Tag.SetOf);

    /// <summary>OBJECT IDENTIFIER, its content bytes.</summary>
    public ReadOnlySpan<byte> Oid(string field)
    {
        ReadOnlySpan<byte> oid = Content(field, Asn1Tag.ObjectIdentifier);
        return oid.IsEmpty || (oid[^1] & 0x80) != 0 ? throw Error(field, "not an object identifier") : oid;
    }

    /// <summary>OCTET STRING, primitive.</summary>
    public ReadOnlySpan<byte> OctetString(string field) => Content(field, Asn1Tag.PrimitiveOctetString);

    /// <summary>INTEGER, its two's complement content bytes, minimal.</summary>
    public ReadOnlySpan<byte> Integer(string field) => MinimalInteger(field, Content(field, Asn1Tag.Integer));

    /// <summary>ENUMERATED, its two's complement content bytes, minimal.</summary>
    public ReadOnlySpan<byte> Enumerated(string field) => MinimalInteger(field, Content(field, Asn1Tag.Enumerated));

    /// <summary>INTEGER between 0 and <paramref name="maximum"/>.</summary>
    public int SmallInteger(string field, int maximum)
    {
        ReadOnlySpan<byte> bytes = Integer(field);
        int value = SmallValue(bytes);
        return value < 0 || value > maximum ? throw Error(field, $"not an integer between 0 and {maximum}") : value;
    }

    /// <summary>BOOLEAN, 00 or FF.</summary>
    public bool Boolean(string field)
    {
        ReadOnlySpan<byte> content = Content(field, Asn1Tag.Boolean);
        return content switch
        {
            [0x00] => false,
            [0xFF] => true,
            _ => throw Error(field, "not a DER boolean"),
        };
    }

    /// <summary>BIT STRING whose length is a whole number of bytes.</summary>
    public ReadOnlySpan<byte> OctetAlignedBits(string field)
    {
        ReadOnlySpan<byte> content = Content(field, Asn1Tag.PrimitiveBitString);
        return content.Length < 1 || content[0] != 0 ? throw Error(field, "bit string with unused bits") : content[1..];
    }

    /// <summary>UTCTime or GeneralizedTime as RFC 5280 restricts them.</summary>
    public DateTimeOffset Time(string field)
    {
        DerReader before = this;
        ReadOnlySpan<byte> whole = Next(field, out Asn1Tag tag, out _);
        try
        {
            return tag.HasSameClassAndValue(Asn1Tag.UtcTime)
                ? AsnDecoder.ReadUtcTime(whole, AsnEncodingRules.DER, out _, twoDigitYearMax: 2049)
                : AsnDecoder.ReadGeneralizedTime(whole, AsnEncodingRules.DER, out _);
        }
        catch (Exception e) when (e is AsnContentException or InvalidOperationException or ArgumentException)
        {
            throw before.Error(field, "not a DER time");
        }
    }

    /// <summary>An error about <paramref name="field"/> at the present position.</summary>
    public readonly EvidenceFormatException Error(string field, string problem) =>
        new(_part is null ? $"{_structure}.{field}" : $"{_structure}.{_part}.{field}", Offset, problem);

    /// <summary>The value of a minimal integer, or -1 when negative or above 2^31-1.</summary>
    public static int SmallValue(ReadOnlySpan<byte> integer)
    {
        if (integer.IsEmpty || integer[0] >= 0x80 || integer.Length > 5 || (integer.Length == 5 && integer[0] != 0))
        {
            return -1;
        }

        long value = 0;
        foreach (byte b in integer)
        {
            value = (value << 8) | b;
        }

        return value > int.MaxValue ? -1 : (int)value;
    }

    private readonly ReadOnlySpan<byte> MinimalInteger(string field, ReadOnlySpan<byte> content)
    {
        bool minimal = content.Length switch
        {
            0 => false,
            1 => true,
            _ => !(content[0] == 0 && content[1] < 0x80) && !(content[0] == 0xFF && content[1] >= 0x80),
        };
        return minimal ? content : throw Error(field, "not a minimal integer");
    }

    private ReadOnlySpan<byte> Next(string field, out Asn1Tag tag, out int contentOffset)
    {
        if (!AsnDecoder.TryReadEncodedValue(_data[_position..], AsnEncodingRules.DER, out tag, out contentOffset, out _, out int consumed))
        {
            throw Error(field, HasData ? "not DER" : "missing");
        }

        ReadOnlySpan<byte> whole = _data.Slice(_position, consumed);
        _position += consumed;
        return whole;
    }
}
