using System.Buffers;
using System.Text.Json;

namespace Cloister.Enclave.Tees;

/// <summary>Primary evidence in the form of docs/broker-protocol.md: an object whose members are base64. secrets: none.</summary>
internal static class EvidenceText
{
    internal static JsonElement Write(params ReadOnlySpan<(string Member, byte[] Bytes)> members)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter writer = new(text))
        {
            writer.WriteStartObject();
            foreach ((string member, byte[] bytes) in members)
            {
                writer.WriteBase64String(member, bytes);
            }

            writer.WriteEndObject();
        }

        using JsonDocument document = JsonDocument.Parse(text.WrittenMemory);
        return document.RootElement.Clone();
    }
}
