using System.Buffers;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Binding;

/// <summary>JSON Canonicalization Scheme (RFC 8785): one form for each JSON value, so that both sides of a binding hash the same bytes.</summary>
public static class CanonicalJson
{
    /// <summary>Longest text canonicalised, in bytes.</summary>
    public const int MaximumLength = 1024 * 1024;

    private const int MaximumDepth = 32;

    /// <summary>The canonical form of <paramref name="utf8"/>.</summary>
    /// <exception cref="EvidenceFormatException">Not JSON, a field that is there twice, text that is not Unicode, a number outside IEEE 754 double, or nested more than 32 deep.</exception>
    public static byte[] Canonicalize(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaximumLength)
        {
            throw new EvidenceFormatException("json", 0, $"{utf8.Length} bytes, at most {MaximumLength} are read");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaximumDepth, AllowDuplicateProperties = false });
            return Canonicalize(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new EvidenceFormatException("json", (int)(e.BytePositionInLine ?? 0), "not JSON, or a field is there twice");
        }
        catch (InvalidOperationException)
        {
            // The search for duplicates meets names that are not Unicode.
            throw NotUnicode();
        }
    }

    /// <summary>The canonical form of <paramref name="value"/>.</summary>
    /// <exception cref="EvidenceFormatException">As <see cref="Canonicalize(ReadOnlyMemory{byte})"/>.</exception>
    public static byte[] Canonicalize(JsonElement value)
    {
        ArrayBufferWriter<byte> output = new();
        Write(value, output, 0);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Appends <paramref name="text"/> as a JSON string (RFC 8785, 3.2.2.2).</summary>
    internal static void WriteString(string text, ArrayBufferWriter<byte> output)
    {
        output.Write("\""u8);
        foreach (Rune rune in Runes(text))
        {
            string? escape = rune.Value switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\b' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\f' => "\\f",
                '\r' => "\\r",
                < 0x20 => $"\\u{rune.Value:x4}",
                _ => null,
            };
            if (escape is null)
            {
                output.Advance(rune.EncodeToUtf8(output.GetSpan(4)));
            }
            else
            {
                Append(output, escape);
            }
        }

        output.Write("\""u8);
    }

    private static void Write(JsonElement value, ArrayBufferWriter<byte> output, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw new EvidenceFormatException("json", 0, "nested too deeply");
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(value, output, depth);
                break;
            case JsonValueKind.Array:
                WriteArray(value, output, depth);
                break;
            case JsonValueKind.String:
                WriteString(TextOf(value), output);
                break;
            case JsonValueKind.Number:
                Append(output, CanonicalNumber.Format(value.GetDouble()));
                break;
            case JsonValueKind.True:
                output.Write("true"u8);
                break;
            case JsonValueKind.False:
                output.Write("false"u8);
                break;
            case JsonValueKind.Null:
                output.Write("null"u8);
                break;
            default:
                throw new EvidenceFormatException("json", 0, "no value");
        }
    }

    private static void WriteObject(JsonElement value, ArrayBufferWriter<byte> output, int depth)
    {
        // RFC 8785, 3.2.3: by UTF-16 code units, which is what ordinal comparison of .NET strings does.
        List<(string Name, JsonElement Value)> fields = [.. value.EnumerateObject().Select(p => (NameOf(p), p.Value))];
        fields.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        output.Write("{"u8);
        for (int i = 0; i < fields.Count; i++)
        {
            if (i > 0)
            {
                if (fields[i].Name == fields[i - 1].Name)
                {
                    throw new EvidenceFormatException("json", 0, $"field '{fields[i].Name}' is there twice");
                }

                output.Write(","u8);
            }

            WriteString(fields[i].Name, output);
            output.Write(":"u8);
            Write(fields[i].Value, output, depth + 1);
        }

        output.Write("}"u8);
    }

    private static void WriteArray(JsonElement value, ArrayBufferWriter<byte> output, int depth)
    {
        output.Write("["u8);
        bool first = true;
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (!first)
            {
                output.Write(","u8);
            }

            first = false;
            Write(item, output, depth + 1);
        }

        output.Write("]"u8);
    }

    private static string TextOf(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw NotUnicode();
        }
    }

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw NotUnicode();
        }
    }

    private static IEnumerable<Rune> Runes(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out Rune rune))
            {
                throw NotUnicode();
            }

            i += rune.Utf16SequenceLength;
            yield return rune;
        }
    }

    private static EvidenceFormatException NotUnicode() => new("json", 0, "text is not Unicode (a surrogate alone)");

    private static void Append(ArrayBufferWriter<byte> output, string ascii) => output.Advance(Encoding.ASCII.GetBytes(ascii, output.GetSpan(ascii.Length)));
}
