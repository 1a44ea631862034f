using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Cloister.Release;

/// <summary>
/// The attested key: EC P-256 or P-521 for <c>ECDH-ES+A256KW</c>, or RSA of 2048 to 8192 bits for <c>RSA-OAEP-256</c>. Read from a JWK (RFC 7517).
/// </summary>
public sealed class TeePublicKey
{
    /// <summary><c>alg</c> of EC keys.</summary>
    public const string EcdhAlgorithm = "ECDH-ES+A256KW";

    /// <summary><c>alg</c> of RSA keys.</summary>
    public const string RsaAlgorithm = "RSA-OAEP-256";

    private const string P521 = "P-521";
    private const int MinRsaBits = 2048;
    private const int MaxRsaBits = 8192;

    private TeePublicKey(ECParameters? ec, ECDiffieHellman? agreement, RSAParameters? rsa, string curve, string thumbprintInput)
    {
        Ec = ec;
        Agreement = agreement;
        Rsa = rsa;
        Curve = curve;
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(thumbprintInput)));
    }

    /// <summary><c>alg</c>.</summary>
    public string Algorithm => Ec is null ? RsaAlgorithm : EcdhAlgorithm;

    /// <summary><c>crv</c>; empty for RSA.</summary>
    public string Curve { get; }

    /// <summary>RFC 7638, SHA-256, b64u: the instance.</summary>
    public string Thumbprint { get; }

    /// <summary>The key in DER, as evidence that has a place for a key holds it.</summary>
    public byte[] SubjectPublicKeyInfo
    {
        get
        {
            if (Agreement is { } agreement)
            {
                return agreement.ExportSubjectPublicKeyInfo();
            }

            using RSA rsa = RSA.Create(Rsa!.Value);
            return rsa.ExportSubjectPublicKeyInfo();
        }
    }

    internal ECParameters? Ec { get; }

    /// <summary>The point as OpenSSL has it: checked once, which costs as much as a signature. Left to the collector.</summary>
    internal ECDiffieHellman? Agreement { get; }

    internal RSAParameters? Rsa { get; }

    /// <summary>Reads a JWK. Members that are not the key's are let through, private ones and duplicates are not.</summary>
    /// <exception cref="FormatException">It is no key that secrets may be encrypted to.</exception>
    public static TeePublicKey Parse(JsonElement jwk)
    {
        Dictionary<string, string> members = Members(jwk);
        string kty = Required(members, "kty");
        return (kty, Required(members, "alg")) switch
        {
            ("EC", EcdhAlgorithm) => ParseEc(members),
            ("RSA", RsaAlgorithm) => ParseRsa(members),
            _ => throw new FormatException($"tee-pubkey: expected EC with {EcdhAlgorithm} or RSA with {RsaAlgorithm}"),
        };
    }

    /// <summary>A curve by its <c>crv</c>.</summary>
    /// <exception cref="FormatException">It is none of the two.</exception>
    internal static ECCurve CurveOf(string crv) => crv switch
    {
        "P-256" => ECCurve.NamedCurves.nistP256,
        P521 => ECCurve.NamedCurves.nistP521,
        _ => throw new FormatException("tee-pubkey: crv is neither P-256 nor P-521"),
    };

    private static TeePublicKey ParseEc(Dictionary<string, string> members)
    {
        string crv = Required(members, "crv");
        int size = crv == P521 ? 66 : 32;
        byte[] x = Bytes(members, "x");
        byte[] y = Bytes(members, "y");
        if (x.Length != size || y.Length != size)
        {
            throw new FormatException($"tee-pubkey: coordinates of {crv} have {size} bytes");
        }

        ECParameters parameters = new() { Curve = CurveOf(crv), Q = new ECPoint { X = x, Y = y } };
        ECDiffieHellman point;
        try
        {
            point = ECDiffieHellman.Create(parameters); // refuses points off the curve
        }
        catch (CryptographicException)
        {
            throw new FormatException("tee-pubkey: the point is not on the curve");
        }

        return new TeePublicKey(parameters, point, null, crv, $$"""{"crv":"{{crv}}","kty":"EC","x":"{{members["x"]}}","y":"{{members["y"]}}"}""");
    }

    private static TeePublicKey ParseRsa(Dictionary<string, string> members)
    {
        byte[] modulus = Bytes(members, "n");
        byte[] exponent = Bytes(members, "e");
        long bits = modulus.Length == 0 || modulus[0] == 0 ? 0 : (8L * modulus.Length) - byte.LeadingZeroCount(modulus[0]);
        bool soundExponent = exponent.Length is >= 3 and <= 4 && exponent[0] != 0 && (exponent[^1] & 1) == 1;
        if (bits is < MinRsaBits or > MaxRsaBits || (modulus[^1] & 1) == 0 || !soundExponent)
        {
            throw new FormatException($"tee-pubkey: RSA keys have {MinRsaBits} to {MaxRsaBits} bits and an odd exponent of 65537 or more");
        }

        RSAParameters parameters = new() { Modulus = modulus, Exponent = exponent };
        return new TeePublicKey(null, null, parameters, "", $$"""{"e":"{{members["e"]}}","kty":"RSA","n":"{{members["n"]}}"}""");
    }

    private static Dictionary<string, string> Members(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("tee-pubkey is not a JSON object");
        }

        Dictionary<string, string> members = new(StringComparer.Ordinal);
        foreach (JsonProperty member in jwk.EnumerateObject())
        {
            if (!members.TryAdd(member.Name, member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : ""))
            {
                throw new FormatException("tee-pubkey has a member twice");
            }
        }

        return members.ContainsKey("d") || members.ContainsKey("k") ? throw new FormatException("tee-pubkey holds a private or symmetric key") : members;
    }

    private static string Required(Dictionary<string, string> members, string name) =>
        members.TryGetValue(name, out string? value) && value.Length > 0 ? value : throw new FormatException($"tee-pubkey has no {name}");

    private static byte[] Bytes(Dictionary<string, string> members, string name)
    {
        string text = Required(members, name);
        byte[] bytes = text.Length <= 4096 && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : [];
        return Base64Url.EncodeToString(bytes) == text ? bytes : throw new FormatException($"tee-pubkey: {name} is not base64url without padding");
    }
}
