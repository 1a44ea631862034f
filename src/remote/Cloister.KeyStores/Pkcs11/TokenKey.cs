using System.Security.Cryptography;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>
/// An AES-256 key object of a token that never leaves it, found by its label. Messages are AES-GCM, <c>iv 12 | ciphertext | tag 16</c>, the IV random.
/// </summary>
internal static class TokenKey
{
    private const int IvSize = 12;
    private const int TagSize = 16;
    private const ulong TagBits = 8 * TagSize;

    /// <summary>The key of that label, or null.</summary>
    /// <exception cref="KeyStoreException">Damaged: several have the label, or the key can leave the token.</exception>
    public static IObjectHandle? Find(ISession session, string label)
    {
        List<IObjectHandle> found = session.FindAllObjects(
        [
            Attribute(CKA.CKA_CLASS, CKO.CKO_SECRET_KEY),
            Attribute(CKA.CKA_KEY_TYPE, CKK.CKK_AES),
            Attribute(CKA.CKA_LABEL, label),
        ]);
        if (found.Count == 0)
        {
            return null;
        }

        // Whoever else writes to the token could have put a key of theirs under the label.
        List<IObjectAttribute> attributes = found.Count == 1 ? session.GetAttributeValue(found[0], [CKA.CKA_SENSITIVE, CKA.CKA_EXTRACTABLE, CKA.CKA_VALUE_LEN]) : [];
        return found.Count == 1 && attributes[0].GetValueAsBool() && !attributes[1].GetValueAsBool() && attributes[2].GetValueAsUlong() == 32
            ? found[0]
            : throw new KeyStoreException(KeyStoreFailure.Damaged, $"the token must have one AES-256 key {label}, sensitive and not extractable");
    }

    public static IObjectHandle Create(ISession session, string label)
    {
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_KEY_GEN);
        return session.GenerateKey(
            mechanism,
        [
            Attribute(CKA.CKA_CLASS, CKO.CKO_SECRET_KEY),
            Attribute(CKA.CKA_KEY_TYPE, CKK.CKK_AES),
            Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_VALUE_LEN, 32UL),
            Attribute(CKA.CKA_LABEL, label),
            Attribute(CKA.CKA_TOKEN, true),
            Attribute(CKA.CKA_PRIVATE, true),
            Attribute(CKA.CKA_SENSITIVE, true),
            Attribute(CKA.CKA_EXTRACTABLE, false),
            Attribute(CKA.CKA_ENCRYPT, true),
            Attribute(CKA.CKA_DECRYPT, true),
            Attribute(CKA.CKA_WRAP, false),
            Attribute(CKA.CKA_UNWRAP, false),
        ]);
    }

    public static byte[] Encrypt(ISession session, IObjectHandle key, byte[] plaintext, byte[] aad)
    {
        byte[] iv = RandomNumberGenerator.GetBytes(IvSize);
        using IMechanism mechanism = Gcm(iv, aad);
        byte[] encrypted = session.Encrypt(mechanism, key, plaintext);
        return encrypted.Length == plaintext.Length + TagSize
            ? [.. iv, .. encrypted]
            : throw new KeyStoreException(KeyStoreFailure.Unavailable, "the token's AES-GCM gives another length");
    }

    /// <summary>The plaintext; null when the message does not authenticate.</summary>
    public static byte[]? Decrypt(ISession session, IObjectHandle key, ReadOnlySpan<byte> message, byte[] aad)
    {
        if (message.Length <= IvSize + TagSize)
        {
            return null;
        }

        try
        {
            using IMechanism mechanism = Gcm(message[..IvSize].ToArray(), aad);
            return session.Decrypt(mechanism, key, message[IvSize..].ToArray());
        }
        catch (Pkcs11Exception e) when (Pkcs11Failures.IsNotAuthentic(e.RV))
        {
            return null;
        }
        catch (Pkcs11Exception e) when (Pkcs11Failures.MayBeNotAuthentic(e.RV))
        {
            // A token that still encrypts is not broken: it was the message. One that does not throws here.
            Encrypt(session, key, new byte[16], aad);
            return null;
        }
    }

    private static IMechanism Gcm(byte[] iv, byte[] aad) =>
        Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_GCM, Pkcs11Token.Factories.MechanismParamsFactory.CreateCkGcmParams(iv, 8 * IvSize, aad, TagBits));

    private static IObjectAttribute Attribute(CKA type, CKO value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, CKK value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, string value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, bool value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);
}
