using System.Globalization;

namespace Cloister.Attestation.Claims;

/// <summary>The value of one claim.</summary>
public sealed class ClaimValue
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly string _text = "";

    /// <summary>Bytes.</summary>
    public ClaimValue(ReadOnlyMemory<byte> bytes)
    {
        Kind = ClaimKind.Bytes;
        _bytes = bytes;
    }

    /// <summary>An unsigned integer.</summary>
    public ClaimValue(ulong number)
    {
        Kind = ClaimKind.Number;
        Number = number;
    }

    /// <summary>True or false.</summary>
    public ClaimValue(bool flag)
    {
        Kind = ClaimKind.Flag;
        Flag = flag;
    }

    /// <summary>Text.</summary>
    public ClaimValue(string text)
    {
        Kind = ClaimKind.Text;
        _text = text;
    }

    /// <summary>Which of the properties below has the value.</summary>
    public ClaimKind Kind { get; }

    /// <summary>The bytes; empty for another kind.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <summary>The number; 0 for another kind.</summary>
    public ulong Number { get; }

    /// <summary>The flag; false for another kind.</summary>
    public bool Flag { get; }

    /// <summary>The text; empty for another kind.</summary>
    public string Text => _text;

    /// <summary>Lower-case hex, decimal digits, <c>true</c> or <c>false</c>, or the text.</summary>
    public override string ToString() => Kind switch
    {
        ClaimKind.Bytes => Convert.ToHexStringLower(_bytes.Span),
        ClaimKind.Number => Number.ToString(CultureInfo.InvariantCulture),
        ClaimKind.Flag => Flag ? "true" : "false",
        _ => _text,
    };
}
