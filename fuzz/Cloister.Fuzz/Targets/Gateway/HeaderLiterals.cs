using System.Text;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>Header blocks of literals that no table remembers, written apart from the encoder under test. Source: RFC 7541, section 6.2.2.</summary>
internal static class HeaderLiterals
{
    /// <summary>One block.</summary>
    internal static byte[] Block(params (string Name, string Value)[] fields) =>
        Block(fields.Select(field => new HeaderField(Encoding.ASCII.GetBytes(field.Name), Encoding.ASCII.GetBytes(field.Value))));

    /// <summary>One block.</summary>
    internal static byte[] Block(IEnumerable<HeaderField> fields) =>
        [.. fields.SelectMany(field => (byte[])[0, .. Text(field.Name), .. Text(field.Value)])];

    private static byte[] Text(byte[] text)
    {
        List<byte> bytes = [(byte)Math.Min(text.Length, 127)];
        if (text.Length >= 127)
        {
            int rest = text.Length - 127;
            for (; rest >= 0x80; rest >>= 7)
            {
                bytes.Add((byte)((rest & 0x7F) | 0x80));
            }

            bytes.Add((byte)rest);
        }

        return [.. bytes, .. text];
    }
}
