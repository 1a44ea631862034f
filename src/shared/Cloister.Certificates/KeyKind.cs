using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Certificates;

/// <summary>
/// What kind of key a certificate or PKCS#8 has, and why TLS here does not take it. .NET signs with ECDSA and RSA; OpenSSL, under it, verifies
/// signatures of other kinds as well, so this is about keys of our own. secrets: none.
/// </summary>
internal static class KeyKind
{
    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string EllipticCurve = "1.2.840.10045.2.1";
    private const int LeastRsaBits = 2048;
    private const string Instead = "use ECDSA on P-256 or P-384, or RSA of 2048 bits or more";

    private static readonly Dictionary<string, string> Others = new()
    {
        ["1.3.101.112"] = "Ed25519",
        ["1.3.101.113"] = "Ed448",
        ["1.3.101.110"] = "X25519, which signs nothing",
        ["1.2.840.113549.1.1.10"] = "RSASSA-PSS",
        ["1.2.840.10040.4.1"] = "DSA",
    };

    private static readonly Dictionary<string, string> Curves = new()
    {
        ["1.2.840.10045.3.1.7"] = "P-256",
        ["1.3.132.0.34"] = "P-384",
        ["1.3.132.0.35"] = "P-521",
    };

    /// <summary>Why the key of a certificate is not taken, or null.</summary>
    internal static string? Problem(X509Certificate2 certificate)
    {
        PublicKey key = certificate.PublicKey;
        if (Problem(key.Oid.Value ?? "", key.EncodedParameters?.RawData ?? []) is { } problem)
        {
            return problem;
        }

        if (key.Oid.Value != Rsa)
        {
            return null;
        }

        using RSA? rsa = certificate.GetRSAPublicKey();
        return rsa is { KeySize: >= LeastRsaBits } ? null : $"it has an RSA key of {rsa?.KeySize} bits, which OpenSSL refuses in TLS: {Instead}";
    }

    /// <summary>Why the key of a PKCS#8 structure is not taken, or null. Other structures are left to .NET.</summary>
    internal static string? ProblemOfPkcs8(byte[] pkcs8)
    {
        try
        {
            AsnReader key = new AsnReader(pkcs8, AsnEncodingRules.BER).ReadSequence();
            key.ReadInteger();
            AsnReader algorithm = key.ReadSequence();
            string identifier = algorithm.ReadObjectIdentifier();
            return Problem(identifier, algorithm.HasData ? algorithm.ReadEncodedValue().ToArray() : []);
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    private static string? Problem(string algorithm, byte[] parameters) => algorithm switch
    {
        Rsa => null,
        EllipticCurve => ProblemOfCurve(parameters),
        _ => $"it has a key of kind {Others.GetValueOrDefault(algorithm, algorithm)}, and .NET signs with none of those in TLS: {Instead}",
    };

    private static string? ProblemOfCurve(byte[] parameters)
    {
        try
        {
            AsnReader reader = new(parameters, AsnEncodingRules.BER);
            if (!reader.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
            {
                return $"its EC key spells its curve out (explicit parameters), which TLS does not take: make it with a named curve (openssl genpkey ... -pkeyopt ec_param_enc:named_curve), P-256 or P-384";
            }

            string curve = reader.ReadObjectIdentifier();
            return Curves.ContainsKey(curve) ? null : $"its EC key is on curve {new Oid(curve).FriendlyName ?? curve}, which TLS here does not take: {Instead}";
        }
        catch (AsnContentException)
        {
            return $"its EC key has no curve: {Instead}";
        }
    }
}
