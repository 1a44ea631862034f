using System.Buffers;
using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Forms;

/// <summary>Bytes written as text: JSON, hexadecimal, base64; and text that is something else, which is named.</summary>
internal static class TextForms
{
    public static readonly JsonDocumentOptions Json = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    private static readonly SearchValues<byte> Blank = SearchValues.Create(" \t\r\n"u8);

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Whether these bytes are a text of printable ASCII, or begin as JSON does.</summary>
    public static bool IsText(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> text = Trim(bytes);
        return text.Length > 0 && (text[0] is (byte)'{' or (byte)'[' or (byte)'"' || text.IndexOfAnyExcept(Blank) >= 0 && !text.ContainsAnyExcept(Printable));
    }

    /// <summary>Null: text, and nothing that is known.</summary>
    public static EvidenceInput? Read(ReadOnlyMemory<byte> bytes, Tee? expected, int depth)
    {
        ReadOnlySpan<byte> text = Trim(bytes.Span);
        switch (text[0])
        {
            case (byte)'{' or (byte)'[' or (byte)'"':
                using (JsonDocument document = Parse(bytes))
                {
                    return JsonForms.Read(document.RootElement, expected, depth);
                }

            case (byte)'-' when text.StartsWith("-----BEGIN"u8):
                throw EvidenceForms.Unknown("PEM is collateral, not evidence: give it by --collateral");
        }

        if (IsToken(text))
        {
            throw EvidenceForms.Unknown("a signed token (JWT) is not evidence: 'cloister evidence token' shows it");
        }

        // Hexadecimal digits are base64 too: what they decode to decides.
        return Inner("hexadecimal", FromHex(text), expected: null, depth) ?? Inner("base64", FromBase64(text), expected: null, depth)
            ?? (expected is null ? null : Inner("hexadecimal", FromHex(text), expected, depth) ?? Inner("base64", FromBase64(text), expected, depth));
    }

    /// <summary>Three parts of base64url, of which the first is JSON.</summary>
    public static bool IsToken(ReadOnlySpan<byte> text)
    {
        text = Trim(text);
        return text.StartsWith("ey"u8) && text.Count((byte)'.') == 2 && !text.ContainsAnyExcept(Token);
    }

    /// <summary>Bytes in hexadecimal, with or without 0x before it and white space in it; null: it is not.</summary>
    public static byte[]? FromHex(ReadOnlySpan<byte> text)
    {
        text = Trim(text);
        byte[] digits = Without(text.StartsWith("0x"u8) ? text[2..] : text, Blank);
        byte[] decoded = new byte[digits.Length / 2];
        return digits.Length > 0 && digits.Length % 2 == 0 && Convert.FromHexString(digits, decoded, out _, out int written) == OperationStatus.Done && written == decoded.Length
            ? decoded
            : null;
    }

    /// <summary>Bytes in base64 or base64url, padded or not, with or without white space in it; null: it is not.</summary>
    public static byte[]? FromBase64(ReadOnlySpan<byte> text)
    {
        byte[] digits = Without(Trim(text), Blank);
        ReadOnlySpan<byte> unpadded = digits.AsSpan().TrimEnd((byte)'=');
        if (unpadded.IsEmpty || digits.Length - unpadded.Length > 2)
        {
            return null;
        }

        digits.AsSpan().Replace((byte)'+', (byte)'-');
        digits.AsSpan().Replace((byte)'/', (byte)'_');
        byte[] decoded = new byte[System.Buffers.Text.Base64Url.GetMaxDecodedLength(unpadded.Length)];
        return System.Buffers.Text.Base64Url.DecodeFromUtf8(unpadded, decoded, out _, out int written) == OperationStatus.Done ? decoded[..written] : null;
    }

    /// <summary>The document; strict, bounded in depth, no member twice.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        bytes = bytes.Span.StartsWith(ByteOrderMark) ? bytes[3..] : bytes;
        try
        {
            // JsonDocument lets through what is no Unicode, and throws when it is read.
            if (!System.Text.Unicode.Utf8.IsValid(bytes.Span) || !IsUnicode(bytes.Span))
            {
                throw NotUnicode();
            }

            return JsonDocument.Parse(bytes, Json);
        }
        catch (JsonException e)
        {
            throw new EvidenceFormatException("json", (int)Math.Min(e.BytePositionInLine ?? 0, int.MaxValue), "begins as JSON and is none: malformed, too deep, or a member that is there twice");
        }
    }

    public static EvidenceFormatException NotUnicode() => new("json", 0, "a text in it is no Unicode");

    private static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = Json.MaxDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    reader.GetString();
                }
            }

            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // half of a surrogate pair
        }
    }

    private static readonly SearchValues<byte> Printable = SearchValues.Create([.. " \t\r\n"u8, .. Enumerable.Range(0x21, 0x5E).Select(one => (byte)one)]);
    private static readonly SearchValues<byte> Token = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."u8);

    private static EvidenceInput? Inner(string form, byte[]? decoded, Tee? expected, int depth) =>
        decoded is null ? null : EvidenceForms.Find(decoded, expected, depth + 1) is { } inner ? inner with { Form = $"{form} of {inner.Form}" } : null;

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> bytes) => (bytes.StartsWith(ByteOrderMark) ? bytes[3..] : bytes).Trim(" \t\r\n"u8);

    private static byte[] Without(ReadOnlySpan<byte> text, SearchValues<byte> left)
    {
        byte[] kept = new byte[text.Length];
        int length = 0;
        while (!text.IsEmpty)
        {
            int run = text.IndexOfAny(left) is var at and >= 0 ? at : text.Length;
            text[..run].CopyTo(kept.AsSpan(length));
            length += run;
            text = text[Math.Min(run + 1, text.Length)..];
        }

        return kept[..length];
    }
}
