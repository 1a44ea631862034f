using System.Formats.Asn1;
using System.Security.Cryptography;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>
/// An ECDSA P-256 key pair of a token, found by its label, whose private key is sensitive and not extractable: it signs in the token (CKM_ECDSA), and
/// verification is done here. Thread-safe as far as <see cref="Pkcs11Token"/> is.
/// secrets: none; the private key never leaves the token.
/// </summary>
public sealed class Pkcs11SigningKey : ECDsa
{
    private const int CoordinateSize = 32;
    private const string P256 = "1.2.840.10045.3.1.7";

    private readonly Pkcs11Token _token;
    private readonly string _label;
    private readonly ECDsa _public;

    private Pkcs11SigningKey(Pkcs11Token token, string label, ECDsa publicKey)
    {
        (_token, _label, _public) = (token, label, publicKey);
        LegalKeySizesValue = [new KeySizes(256, 256, 0)];
        KeySizeValue = 256;
    }

    /// <summary>Finds the pair, or makes it when <paramref name="create"/> says so.</summary>
    /// <exception cref="KeyStoreException">
    /// Unavailable or denied; unknown: there is none, and it is not to be made; damaged: several have the label, the private key can leave the token, or the public key is not its own.
    /// </exception>
    public static Pkcs11SigningKey Open(Pkcs11TokenOptions options, string label, bool create)
    {
        Pkcs11Token token = new(options);
        ECDsa? publicKey = null;
        try
        {
            publicKey = token.Use(session =>
            {
                if (Find(session, CKO.CKO_PRIVATE_KEY, label).Count == 0)
                {
                    Generate(session, create ? label : throw new KeyStoreException(KeyStoreFailure.Unknown, $"the token has no key pair {label}"));
                }

                return PublicKeyOf(session, label);
            });
            Pkcs11SigningKey key = new(token, label, publicKey);

            // Whoever else writes to the token could have put another public key beside the private one.
            byte[] hash = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);
            return publicKey.VerifyHash(hash, key.SignHash(hash)) ? key : throw Damaged(label);
        }
        catch
        {
            publicKey?.Dispose();
            token.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="KeyStoreException">The token does not sign.</exception>
    public override byte[] SignHash(byte[] hash) => _token.Use(session =>
    {
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_ECDSA);
        return session.Sign(mechanism, PrivateKeyOf(session, _label), hash);
    });

    /// <inheritdoc/>
    public override bool VerifyHash(byte[] hash, byte[] signature) => _public.VerifyHash(hash, signature);

    /// <inheritdoc/>
    /// <exception cref="CryptographicException">The private key is asked for.</exception>
    public override ECParameters ExportParameters(bool includePrivateParameters) => includePrivateParameters
        ? throw new CryptographicException("the key is in a token, which does not give it")
        : _public.ExportParameters(includePrivateParameters: false);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _public.Dispose();
            _token.Dispose();
        }

        base.Dispose(disposing);
    }

    private static List<IObjectHandle> Find(ISession session, CKO kind, string label) => session.FindAllObjects(
    [
        Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_CLASS, kind),
        Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_KEY_TYPE, CKK.CKK_EC),
        Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_LABEL, label),
    ]);

    private static IObjectHandle PrivateKeyOf(ISession session, string label)
    {
        List<IObjectHandle> found = Find(session, CKO.CKO_PRIVATE_KEY, label);
        List<IObjectAttribute> attributes = found.Count == 1 ? session.GetAttributeValue(found[0], [CKA.CKA_SENSITIVE, CKA.CKA_EXTRACTABLE]) : [];
        return found.Count == 1 && attributes[0].GetValueAsBool() && !attributes[1].GetValueAsBool() ? found[0] : throw Damaged(label);
    }

    private static ECDsa PublicKeyOf(ISession session, string label)
    {
        List<IObjectHandle> found = Find(session, CKO.CKO_PUBLIC_KEY, label);
        byte[] point = found.Count == 1 ? session.GetAttributeValue(found[0], [CKA.CKA_EC_POINT])[0].GetValueAsByteArray() : throw Damaged(label);
        try
        {
            // An OCTET STRING, as PKCS#11 says, or the point itself, as some tokens have it.
            byte[] plain = point.Length == 1 + (2 * CoordinateSize) ? point : AsnDecoder.ReadOctetString(point, AsnEncodingRules.DER, out _);
            return plain.Length == 1 + (2 * CoordinateSize) && plain[0] == 4
                ? ECDsa.Create(new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    Q = new ECPoint { X = plain[1..(1 + CoordinateSize)], Y = plain[(1 + CoordinateSize)..] },
                })
                : throw Damaged(label);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw Damaged(label);
        }
    }

    private static void Generate(ISession session, string label)
    {
        AsnWriter curve = new(AsnEncodingRules.DER);
        curve.WriteObjectIdentifier(P256);
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_EC_KEY_PAIR_GEN);
        session.GenerateKeyPair(
            mechanism,
        [
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_LABEL, label),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_TOKEN, true),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_VERIFY, true),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_EC_PARAMS, curve.Encode()),
        ],
        [
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_LABEL, label),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_TOKEN, true),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_PRIVATE, true),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_SENSITIVE, true),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_EXTRACTABLE, false),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_SIGN, true),
        ],
            out _, out _);
    }

    private static KeyStoreException Damaged(string label) => new(
        KeyStoreFailure.Damaged, $"the token must have one ECDSA P-256 key pair {label}: a public key, and its private key, sensitive and not extractable");
}
