using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Tokens;

/// <summary>
/// Issues gateways' serving certificates with a key of its own, which no enclave pins: with what it signs, nobody is a broker. The key is derived from
/// the authority's first one, so that a broker that was restored from recovery shares has the same, and stays when the authority's rotates. Source:
/// docs/broker-protocol.md, "Who the gateway is". Thread-safe. secrets: its private key.
/// </summary>
public sealed class GatewayAuthority : IDisposable
{
    private const int KeySize = 32;
    private const int ValidYears = 10;

    // The order of P-256 (SP 800-186, 3.2.1.3): a private key is below it.
    private static readonly byte[] Order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");

    private readonly ECDsa _key;
    private readonly X500DistinguishedName _name;
    private readonly Lock _lock = new();

    /// <summary>An authority of this key, which is taken over.</summary>
    /// <param name="key">ECDSA P-256.</param>
    /// <param name="authorityId">The broker's authority.</param>
    public GatewayAuthority(ECDsa key, string authorityId)
    {
        _key = key;
        _name = new X500DistinguishedName($"CN=Cloister gateway authority {authorityId}");
    }

    /// <summary>
    /// The authority as a root, DER: what API servers trust. Self-signed, for ten years from now. Each call makes another one of the same name and
    /// key; any of them does.
    /// </summary>
    public byte[] MakeRoot(DateTimeOffset now)
    {
        lock (_lock)
        {
            CertificateRequest root = new(_name, _key, HashAlgorithmName.SHA256);
            root.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
            root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
            root.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(root.PublicKey, critical: false));
            using X509Certificate2 made = root.Create(
                _name, X509SignatureGenerator.CreateForECDsa(_key), now - AuthorityCertificates.ClockSkew, now.AddYears(ValidYears), RandomNumberGenerator.GetBytes(16));
            return made.RawData;
        }
    }

    /// <summary>Issues a certificate for a gateway, from an hour ago until <paramref name="end"/>.</summary>
    /// <param name="request">A PKCS#10 request, signed by the key it has: ECDSA P-256. Nothing else of it counts.</param>
    /// <param name="keyDigest">SHA-256 of the SubjectPublicKeyInfo that it must have, lower-case hex.</param>
    /// <param name="names">Addresses and DNS names.</param>
    /// <param name="now">The time.</param>
    /// <param name="end">When the certificate ends.</param>
    /// <returns>Null when the key is another one.</returns>
    /// <exception cref="CryptographicException">It is not such a request.</exception>
    public X509Certificate2? Issue(ReadOnlySpan<byte> request, string keyDigest, IEnumerable<string> names, DateTimeOffset now, DateTimeOffset end)
    {
        CertificateRequest read = CertificateRequest.LoadSigningRequest(request, HashAlgorithmName.SHA256, out int consumed);
        using ECDsa? key = read.PublicKey.GetECDsaPublicKey();
        if (consumed != request.Length || key?.ExportParameters(includePrivateParameters: false).Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value)
        {
            throw new CryptographicException("not a request with an ECDSA P-256 key");
        }

        if (Convert.ToHexStringLower(SHA256.HashData(read.PublicKey.ExportSubjectPublicKeyInfo())) != keyDigest)
        {
            return null;
        }

        SubjectAlternativeNameBuilder alternatives = new();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        lock (_lock)
        {
            return AuthorityCertificates.Leaf(_key, _name, CertificateRole.Gateway, "cloister-gateway", read.PublicKey, alternatives, now, end);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _key.Dispose();

    /// <summary>The key that goes with an authority's first one.</summary>
    /// <exception cref="CryptographicException">The authority's key is in a token that does not give it.</exception>
    public static ECDsa Derive(SigningKey authority) => authority.Use(Derive);

    /// <summary>The key that goes with an authority's first one: HKDF-SHA256 of its scalar; the first of the numbered outputs that is a scalar itself.</summary>
    /// <exception cref="CryptographicException">The authority's key is in a token that does not give it.</exception>
    public static ECDsa Derive(ECDsa authority)
    {
        byte[] secret = authority.ExportParameters(includePrivateParameters: true).D!;
        byte[] scalar = GC.AllocateArray<byte>(KeySize, pinned: true);
        try
        {
            byte count = 0;
            do
            {
                // The second is asked for once in 2^32 authorities.
                HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, scalar, salt: default, info: [.. "cloister-gateway-authority-v1"u8, ++count]);
            }
            while (!scalar.AsSpan().ContainsAnyExcept((byte)0) || scalar.AsSpan().SequenceCompareTo(Order) >= 0);

            return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(scalar);
        }
    }
}
