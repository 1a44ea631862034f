using System.Text.Json;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>A body of the PCS API: <c>{"name":{...},"signature":"hex"}</c>. The signature covers the inner object's bytes exactly as received.</summary>
internal static class SignedJson
{
    /// <summary>Largest body read, in bytes.</summary>
    public const int MaximumLength = 1024 * 1024;

    private static readonly JsonFieldNames TcbInfoBody = new("body", "tcbInfo", "signature");
    private static readonly JsonFieldNames IdentityBody = new("body", "enclaveIdentity", "signature");

    /// <summary>The inner object called <paramref name="name"/>, as received, and the signature (r || s, 64 bytes).</summary>
    public static (ReadOnlyMemory<byte> Signed, ReadOnlyMemory<byte> Signature) Split(ReadOnlyMemory<byte> utf8, string name)
    {
        if (utf8.Length > MaximumLength)
        {
            throw new EvidenceFormatException(name, 0, $"{utf8.Length} bytes, at most {MaximumLength} are read");
        }

        Utf8JsonReader reader = StrictJson.Open(utf8.Span);
        JsonFieldNames names = name == "tcbInfo" ? TcbInfoBody : IdentityBody;
        uint seen = 0;
        ReadOnlyMemory<byte> signed = default;
        ReadOnlyMemory<byte> signature = default;
        StrictJson.BeginObject(ref reader, "body");
        for (int field; (field = StrictJson.NextField(ref reader, names, ref seen)) >= 0;)
        {
            if (field == 0)
            {
                StrictJson.BeginObject(ref reader, name);
                int start = (int)reader.TokenStartIndex;
                SkipObject(ref reader, name);
                signed = utf8[start..(int)reader.BytesConsumed];
            }
            else
            {
                signature = StrictJson.Hex(ref reader, "signature", 64);
            }
        }

        StrictJson.Require(ref reader, names, seen, 0b11);
        StrictJson.End(ref reader, "body");
        return (signed, signature);
    }

    private static void SkipObject(ref Utf8JsonReader reader, string path)
    {
        int depth = reader.CurrentDepth;
        do
        {
            StrictJson.Read(ref reader, path);
        }
        while (reader.TokenType != JsonTokenType.EndObject || reader.CurrentDepth != depth);
    }
}
