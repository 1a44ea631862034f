using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Enclave.Broker;

/// <summary>
/// What report data covers: SHA-384 of the canonical JSON (RFC 8785) of additional evidence, nonce and attested key. Source:
/// docs/broker-protocol.md, "Attestation". secrets: none.
/// </summary>
public static class RuntimeBinding
{
    /// <summary>Bytes of report data.</summary>
    public const int ReportDataSize = 64;

    /// <summary>The report data: 48 bytes of digest, 16 zeros.</summary>
    /// <param name="additionalEvidence">ASCII.</param>
    /// <param name="nonce">As the broker wrote it; ASCII.</param>
    /// <param name="jwk">The key in canonical JSON, as <see cref="AttestedKey.Jwk"/> is.</param>
    /// <exception cref="BrokerException">Refused: a text is not ASCII.</exception>
    public static byte[] ReportData(string additionalEvidence, string nonce, string jwk)
    {
        byte[] reportData = new byte[ReportDataSize];
        SHA384.HashData(Encoding.ASCII.GetBytes(Canonical(additionalEvidence, nonce, jwk)), reportData);
        return reportData;
    }

    internal static string Canonical(string additionalEvidence, string nonce, string jwk)
    {
        StringBuilder json = new();
        AppendText(json.Append("{\"additional-evidence\":"), additionalEvidence);
        AppendText(json.Append(",\"nonce\":"), nonce);
        return json.Append(",\"tee-pubkey\":").Append(jwk).Append('}').ToString();
    }

    private static void AppendText(StringBuilder json, string text)
    {
        if (!Ascii.IsValid(text))
        {
            throw new BrokerException(BrokerFailure.Refused, "binding", "what evidence covers is not ASCII");
        }

        json.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\b' => json.Append("\\b"),
                '\t' => json.Append("\\t"),
                '\n' => json.Append("\\n"),
                '\f' => json.Append("\\f"),
                '\r' => json.Append("\\r"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        json.Append('"');
    }
}
