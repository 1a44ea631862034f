using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>Believes a lease only after every check of docs/broker-protocol.md, "Lease". secrets: none.</summary>
public static class LeaseReader
{
    private const string Step = "lease";
    private const int AuthoritySize = 16;
    private const int MaxCertificates = 9;
    private const long MaxTime = 253_402_300_799_999;
    private const long MaxGraceSeconds = 30L * 24 * 3600;

    /// <summary>Reads a lease.</summary>
    /// <param name="jws">Compact JWS.</param>
    /// <param name="pins">Keys that may sign it.</param>
    /// <param name="expected">What it must say.</param>
    /// <exception cref="BrokerException">Refused: it is not to be believed.</exception>
    public static LeaseTerms Read(string jws, BrokerPins pins, LeaseExpectation expected)
    {
        try
        {
            string[] parts = jws.Split('.');
            if (parts.Length != 3)
            {
                throw Refused("it is not a JWS");
            }

            X509Certificate2[] signer = Signer(parts[0]);
            IReadOnlyList<byte[]> authorities = CertificateRole.Vouchers(signer[0], signer, BrokerPins.IsSigned);
            using ECDsa? key = CertificateRole.Has(signer[0], CertificateRole.LeaseSigner) ? signer[0].GetECDsaPublicKey() : null;
            byte[] signature = Base64Url.DecodeFromChars(parts[2]);
            if (key is null || !authorities.Any(one => pins.Accept(one)) || !key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature, HashAlgorithmName.SHA256))
            {
                throw Refused("it is not signed by a key that a pinned key vouches for");
            }

            LeaseTerms terms = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(parts[1]), KbsJson.Default.LeaseTerms) ?? throw new JsonException();
            Require(authorities.Any(one => terms.Authority == Convert.ToHexStringLower(SHA256.HashData(one).AsSpan(0, AuthoritySize))), "it is not of the authority that signed it");
            Check(terms, expected);
            return terms;
        }
        catch (Exception e) when (e is FormatException or JsonException or CryptographicException or InvalidOperationException or ArgumentException)
        {
            throw Refused("it is not well-formed");
        }
    }

    private static X509Certificate2[] Signer(string header)
    {
        using JsonDocument json = JsonDocument.Parse(Base64Url.DecodeFromChars(header), new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 4 });
        JsonElement root = json.RootElement;
        return EcKeyText.Text(root, "alg") == "ES256"
            && EcKeyText.Text(root, "typ") == "cloister-lease+jwt"
            && root.GetPropertyCount() == 3
            && root.TryGetProperty("x5c", out JsonElement chain)
            && chain.GetArrayLength() is >= 2 and <= MaxCertificates
                ? [.. chain.EnumerateArray().Select(one => X509CertificateLoader.LoadCertificate(one.GetBytesFromBase64()))]
                : throw new FormatException();
    }

    private static void Check(LeaseTerms terms, LeaseExpectation expected)
    {
        Require(terms.Version == 1, "its version is not 1");
        Require(expected.Nonce is null || terms.Nonce == expected.Nonce, "it does not answer the challenge of this enclave");
        Require(expected.Instance is null || terms.Instance == expected.Instance, "it is for another instance");
        Require(terms.Cluster == expected.Cluster, "it is for another cluster");
        Require(terms.Kek == expected.Kek, "it is for another KEK");
        Require(terms.Time >= expected.NotBefore, "the broker's time went back: check the clocks of the brokers");
        Require(IsHex(terms.Lease), "it has no name");
        Require(terms.Time > 0 && terms.Expires > terms.Time && terms.Expires <= MaxTime && terms.RenewAfter >= terms.Time, "its times are not in order");
        Require(terms.GraceSeconds is >= 0 and <= MaxGraceSeconds && terms.Wraps >= 0 && terms.Unwraps >= 0, "its bounds are not in order");
        Require(terms.Versions.Count <= KekRing.MaxSize, "it has too many versions");
        HashSet<uint> seen = [];
        foreach (LeasedVersion version in terms.Versions)
        {
            Require(version is { Version: > 0 } && seen.Add(version.Version) && IsHex(version.Generation), "a version is not well-formed");
            Require(
                KeyId.Format(HeldLease.Identity(terms, version).Fingerprint()) == version.KeyId,
                string.Create(CultureInfo.InvariantCulture, $"key_id of version {version.Version} is not its fingerprint"));
        }
    }

    private static bool IsHex(string? text) => text is { Length: 32 } && text.All(char.IsAsciiHexDigitLower);

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw Refused(otherwise);
        }
    }

    private static BrokerException Refused(string why) => new(BrokerFailure.Refused, Step, why);
}
