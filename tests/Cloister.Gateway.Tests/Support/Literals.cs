using Cloister.Enclave.Wire.Http2;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Header blocks of literals that no table remembers, so that tests know what the table holds. Source: RFC 7541, section 6.2.2.</summary>
internal static class Literals
{
    internal static byte[] Encode(IEnumerable<HeaderField> fields) =>
        [.. fields.SelectMany(field => (byte[])[(byte)(field.Sensitive ? 0x10 : 0), .. Text(field.Name), .. Text(field.Value)])];

    private static byte[] Text(byte[] text)
    {
        List<byte> coded = [(byte)Math.Min(text.Length, 0x7F)];
        for (int rest = text.Length - 0x7F; rest >= 0; rest = rest >= 0x80 ? rest >> 7 : -1)
        {
            coded.Add((byte)(rest >= 0x80 ? (rest & 0x7F) | 0x80 : rest));
        }

        return [.. coded, .. text];
    }
}
