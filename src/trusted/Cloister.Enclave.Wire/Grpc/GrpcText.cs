using System.Globalization;
using System.Text;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>Text forms of gRPC trailers. Source: gRPC over HTTP2, "Responses". secrets: none.</summary>
internal static class GrpcText
{
    private static readonly string[] Codes = [.. Enumerable.Range(0, 17).Select(code => code.ToString(CultureInfo.InvariantCulture))];

    internal static string Code(GrpcStatus code) => Codes[(int)code];

    /// <summary>Percent-encodes everything but printable ASCII, and the percent sign.</summary>
    internal static string Escape(string message)
    {
        StringBuilder escaped = new(message.Length);
        foreach (byte c in Encoding.UTF8.GetBytes(message))
        {
            if (c is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                escaped.Append((char)c);
            }
            else
            {
                escaped.Append('%').Append(c.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return escaped.ToString();
    }
}
