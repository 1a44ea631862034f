using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Azure;

/// <summary>Values of JSON objects by name. Every failure names structure and field. The document has no field twice and no deep nesting.</summary>
internal static class AzureJson
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>An object.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, string structure, int maximum)
    {
        if (json.Length > maximum)
        {
            throw new EvidenceFormatException(structure, 0, $"{json.Length} bytes, at most {maximum} are read");
        }

        JsonDocument? document = null;
        try
        {
            // Names and texts are read later, when invalid UTF-8 would be no JsonException.
            _ = Strict.GetCharCount(json.Span);
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 6, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            document?.Dispose();
            throw new EvidenceFormatException(structure, 0, "not a JSON object, or a field is there twice");
        }
    }

    /// <summary>A text of printable ASCII.</summary>
    public static string Text(JsonElement json, string field, string structure, int maximum) =>
        String(json, field, structure, maximum) is { } text && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') ? text : throw Error(structure, field, "not a text of printable ASCII");

    /// <summary>Base64 of either alphabet, padded or not, at most <paramref name="maximum"/> bytes.</summary>
    public static byte[] Base64(JsonElement json, string field, string structure, int maximum)
    {
        string text = String(json, field, structure, (maximum * 4 / 3) + 8).Replace('+', '-').Replace('/', '_');
        byte[] bytes = Base64Url.IsValid(text, out int length) && !text.Any(char.IsWhiteSpace) ? new byte[length] : throw Error(structure, field, "not base64");

        // Bits behind the last byte that are not zero pass as valid, and do not decode.
        return length <= maximum && Base64Url.DecodeFromChars(text, bytes, out _, out int written) == OperationStatus.Done && written == length
            ? bytes
            : throw Error(structure, field, $"not base64 of at most {maximum} bytes");
    }

    /// <summary>Bytes in hex, at most <paramref name="maximum"/>.</summary>
    public static byte[] Hex(JsonElement value, string field, string structure, int maximum) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { } text && text.Length <= 2 * maximum && text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(text)
            : throw Error(structure, field, $"not at most {maximum} bytes in hex");

    /// <summary>Bytes as a list of numbers, at most <paramref name="maximum"/>.</summary>
    public static byte[] Numbers(JsonElement value, string field, string structure, int maximum)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > maximum)
        {
            throw Error(structure, field, $"not a list of at most {maximum} bytes");
        }

        byte[] bytes = new byte[value.GetArrayLength()];
        return JsonBytes.TryCopy(value, bytes) ? bytes : throw Error(structure, field, "a member of the list is not a byte");
    }

    /// <summary>The value of a field.</summary>
    public static JsonElement Field(JsonElement json, string field, string structure) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(field, out JsonElement value) ? value : throw Error(structure, field, "missing");

    /// <summary>Demands that an object has no other fields than these.</summary>
    public static void Only(JsonElement json, string structure, params ReadOnlySpan<string> fields)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new EvidenceFormatException(structure, 0, "no JSON object");
        }

        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!fields.Contains(property.Name))
            {
                throw new EvidenceFormatException(structure, 0, $"a field besides {string.Join(", ", fields.ToArray())}");
            }
        }
    }

    public static EvidenceFormatException Error(string structure, string field, string problem) => new($"{structure}.{field}", 0, problem);

    private static string String(JsonElement json, string field, string structure, int maximum)
    {
        JsonElement value = Field(json, field, structure);
        try
        {
            return value.ValueKind == JsonValueKind.String && value.GetString() is { } text && text.Length <= maximum ? text : throw Error(structure, field, $"not a text of at most {maximum} characters");
        }
        catch (InvalidOperationException)
        {
            throw Error(structure, field, "not a text");
        }
    }
}
