using System.Text;
using System.Text.Json;

namespace Cloister.Attestation.Tests.Evidence;

/// <summary>An edit from a manifest that a verifier must reject.</summary>
internal sealed class Mutation(JsonElement entry)
{
    public string File { get; } = entry.GetProperty("file").GetString()!;

    public string Operation { get; } = entry.GetProperty("op").GetString()!;

    public string What { get; } = entry.TryGetProperty("what", out JsonElement what) ? what.GetString()! : entry.ToString();

    /// <summary>The edited bytes; not for <c>use</c>, which swaps in another file.</summary>
    public byte[] Apply(ReadOnlySpan<byte> original)
    {
        byte[] bytes = original.ToArray();
        switch (Operation)
        {
            case "xor":
                bytes[entry.GetProperty("offset").GetInt32()] ^= entry.GetProperty("value").GetByte();
                return bytes;
            case "set":
                Hex("hex").CopyTo(bytes, entry.GetProperty("offset").GetInt32());
                return bytes;
            case "truncate":
                return bytes[..entry.GetProperty("length").GetInt32()];
            case "append":
                return [.. bytes, .. Hex("hex")];
            case "replace_text":
                byte[] find = Encoding.UTF8.GetBytes(entry.GetProperty("find").GetString()!);
                byte[] with = Encoding.UTF8.GetBytes(entry.GetProperty("replace").GetString()!);
                int at = bytes.AsSpan().IndexOf(find);
                Assert.True(at >= 0, $"the text of '{What}' does not occur");
                return [.. bytes[..at], .. with, .. bytes[(at + find.Length)..]];
            default:
                throw new NotSupportedException($"Operation '{Operation}' of '{What}'.");
        }
    }

    public override string ToString() => What;

    private byte[] Hex(string name) => Convert.FromHexString(entry.GetProperty(name).GetString()!);
}
