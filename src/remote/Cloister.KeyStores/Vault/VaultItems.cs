using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cloister.KeyStores.Vault;

/// <summary>
/// Batches, and ciphertexts. A wrapped item is <c>version: 4 | bytes</c>, made from Vault's <c>vault:v(version):(base64)</c>: base64 can be
/// written in several ways, bytes in one.
/// </summary>
internal static class VaultItems
{
    private const string Prefix = "vault:v";

    /// <summary>The body of a call; the caller wipes it.</summary>
    public static byte[] Request(string member, byte[] aad, IEnumerable<ReadOnlyMemory<byte>> items)
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("batch_input");
            foreach (ReadOnlyMemory<byte> item in items)
            {
                json.WriteStartObject();
                if (member == "plaintext")
                {
                    json.WriteBase64String(member, item.Span);
                }
                else
                {
                    json.WriteString(member, ToText(item.Span));
                }

                json.WriteBase64String("associated_data", aad);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        byte[] bytes = body.WrittenSpan.ToArray();
        body.Clear();
        return bytes;
    }

    /// <summary>Whether the item has the form of a wrapped one.</summary>
    public static bool HasForm(ReadOnlySpan<byte> item) => item.Length > 4 && BinaryPrimitives.ReadUInt32BigEndian(item) != 0;

    /// <summary>The results of a batch, or null when the answer has none.</summary>
    public static JsonElement[]? Results(JsonElement? answer) =>
        answer is { ValueKind: JsonValueKind.Object } root
        && root.TryGetProperty("data", out JsonElement data) && data.ValueKind == JsonValueKind.Object
        && data.TryGetProperty("batch_results", out JsonElement results) && results.ValueKind == JsonValueKind.Array
            ? [.. results.EnumerateArray()]
            : null;

    public static byte[] ToBytes(string ciphertext)
    {
        int colon = ciphertext.StartsWith(Prefix, StringComparison.Ordinal) ? ciphertext.IndexOf(':', Prefix.Length) : -1;
        if (colon < 0 || !uint.TryParse(ciphertext.AsSpan()[Prefix.Length..colon], NumberStyles.None, CultureInfo.InvariantCulture, out uint version) || version == 0)
        {
            throw new JsonException("a ciphertext of another form");
        }

        byte[] bytes = Convert.FromBase64String(ciphertext[(colon + 1)..]);
        byte[] item = new byte[4 + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(item, version);
        bytes.CopyTo(item.AsSpan(4));
        return item;
    }

    private static byte[] ToText(ReadOnlySpan<byte> item) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{BinaryPrimitives.ReadUInt32BigEndian(item)}:{Convert.ToBase64String(item[4..])}"));
}
