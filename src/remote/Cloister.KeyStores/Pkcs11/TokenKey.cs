using System.Buffers.Binary;
using System.Security.Cryptography;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>
/// An AES-256 key object of a token that never leaves it, found by its label. What the key may do tells how it wraps: a key that encrypts, by AES-GCM,
/// <c>iv 12 | ciphertext | tag 16</c>, the IV random or the token's; a key that only wraps, in tokens without AES-GCM for applications, by
/// CKM_AES_KEY_WRAP_PAD (RFC 5649) of <c>random 14 | size of the plaintext 2 | plaintext, zeros to a multiple of 8 | SHA-256(AAD)</c>, whose integrity check
/// covers all of it.
/// </summary>
internal sealed class TokenKey
{
    private const int BlockSize = 8;
    private const int RandomSize = 14;
    private const int HeadSize = RandomSize + sizeof(ushort);

    private readonly ISession _session;
    private readonly IObjectHandle _key;
    private readonly bool _wrapsOnly;

    private TokenKey(ISession session, IObjectHandle key, bool wrapsOnly) => (_session, _key, _wrapsOnly) = (session, key, wrapsOnly);

    /// <summary>The key of that label, or null.</summary>
    /// <exception cref="KeyStoreException">Damaged: several have the label, or the key can leave the token.</exception>
    public static TokenKey? Find(ISession session, string label)
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
        List<IObjectAttribute> attributes = found.Count == 1
            ? session.GetAttributeValue(found[0], [CKA.CKA_SENSITIVE, CKA.CKA_EXTRACTABLE, CKA.CKA_VALUE_LEN, CKA.CKA_ENCRYPT])
            : [];
        return found.Count == 1 && attributes[0].GetValueAsBool() && !attributes[1].GetValueAsBool() && attributes[2].GetValueAsUlong() == 32
            ? new TokenKey(session, found[0], wrapsOnly: !attributes[3].GetValueAsBool())
            : throw new KeyStoreException(KeyStoreFailure.Damaged, $"the token must have one AES-256 key {label}, sensitive and not extractable");
    }

    /// <summary>Makes a key that encrypts; one that wraps where the token has no AES-GCM.</summary>
    public static TokenKey Create(ISession session, string label)
    {
        bool wrapsOnly = !HasGcm(session);
        return new TokenKey(session, Generate(session, label, inToken: true, wrapsOnly), wrapsOnly);
    }

    public byte[] Encrypt(byte[] plaintext, byte[] aad)
    {
        if (_wrapsOnly)
        {
            return WrapKey(plaintext, aad);
        }

        try
        {
            return EncryptGcm(RandomNumberGenerator.GetBytes(GcmParameters.IvSize), plaintext, aad);
        }
        catch (Pkcs11Exception e) when (e.RV is CKR.CKR_MECHANISM_PARAM_INVALID or CKR.CKR_ARGUMENTS_BAD or CKR.CKR_TEMPLATE_INCONSISTENT)
        {
            // A token that makes every IV itself, and takes zeros for "make one".
            return EncryptGcm(new byte[GcmParameters.IvSize], plaintext, aad);
        }
    }

    /// <summary>The plaintext; null when the message does not authenticate.</summary>
    public byte[]? Decrypt(ReadOnlySpan<byte> message, byte[] aad)
    {
        if (message.Length <= (_wrapsOnly ? HeadSize + SHA256.HashSizeInBytes + BlockSize : GcmParameters.IvSize + GcmParameters.TagSize))
        {
            return null;
        }

        try
        {
            return _wrapsOnly ? UnwrapKey(message.ToArray(), aad) : DecryptGcm(message, aad);
        }
        catch (Pkcs11Exception e) when (Pkcs11Failures.IsNotAuthentic(e.RV))
        {
            return null;
        }
        catch (Pkcs11Exception e) when (Pkcs11Failures.MayBeNotAuthentic(e.RV))
        {
            // A token that still encrypts is not broken: it was the message. One that does not throws here.
            Encrypt(new byte[16], aad);
            return null;
        }
    }

    public void Destroy() => _session.DestroyObject(_key);

    private static bool HasGcm(ISession session)
    {
        IObjectHandle? probe = null;
        try
        {
            probe = Generate(session, "cloister-probe", inToken: false, wrapsOnly: false);
            new TokenKey(session, probe, wrapsOnly: false).Encrypt(new byte[16], []);
            return true;
        }
        catch (Pkcs11Exception e) when (e.RV is CKR.CKR_MECHANISM_INVALID or CKR.CKR_KEY_FUNCTION_NOT_PERMITTED or CKR.CKR_FUNCTION_NOT_SUPPORTED)
        {
            return false;
        }
        finally
        {
            if (probe is not null)
            {
                session.DestroyObject(probe);
            }
        }
    }

    private static IObjectHandle Generate(ISession session, string label, bool inToken, bool wrapsOnly)
    {
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_KEY_GEN);
        return session.GenerateKey(
            mechanism,
        [
            Attribute(CKA.CKA_CLASS, CKO.CKO_SECRET_KEY),
            Attribute(CKA.CKA_KEY_TYPE, CKK.CKK_AES),
            Attribute(CKA.CKA_VALUE_LEN, 32UL),
            Attribute(CKA.CKA_LABEL, label),
            Attribute(CKA.CKA_TOKEN, inToken),
            Attribute(CKA.CKA_PRIVATE, true),
            Attribute(CKA.CKA_SENSITIVE, true),
            Attribute(CKA.CKA_EXTRACTABLE, false),
            Attribute(CKA.CKA_ENCRYPT, !wrapsOnly),
            Attribute(CKA.CKA_DECRYPT, !wrapsOnly),
            Attribute(CKA.CKA_WRAP, wrapsOnly),
            Attribute(CKA.CKA_UNWRAP, wrapsOnly),
        ]);
    }

    private byte[] EncryptGcm(byte[] iv, byte[] plaintext, byte[] aad)
    {
        using GcmParameters parameters = new(iv, aad);
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_GCM, parameters);
        byte[] encrypted = _session.Encrypt(mechanism, _key, plaintext);

        // Read after the call: where the token put one of its own, that is the message's.
        ReadOnlySpan<byte> used = parameters.Iv;
        return encrypted.Length == plaintext.Length + GcmParameters.TagSize && used.ContainsAnyExcept((byte)0)
            ? [.. used, .. encrypted]
            : throw new KeyStoreException(KeyStoreFailure.Unavailable, "the token's AES-GCM gives another length, or no IV");
    }

    private byte[] DecryptGcm(ReadOnlySpan<byte> message, byte[] aad)
    {
        using GcmParameters parameters = new(message[..GcmParameters.IvSize], aad);
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_GCM, parameters);
        return _session.Decrypt(mechanism, _key, message[GcmParameters.IvSize..].ToArray());
    }

    // What is wrapped has to be a key object: one of the session, gone when this returns.
    private byte[] WrapKey(byte[] plaintext, byte[] aad)
    {
        byte[] value = GC.AllocateArray<byte>(SizeOf(plaintext.Length), pinned: true);
        IObjectHandle? made = null;
        try
        {
            RandomNumberGenerator.Fill(value.AsSpan(0, RandomSize));
            BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(RandomSize), checked((ushort)plaintext.Length));
            plaintext.CopyTo(value, HeadSize);
            SHA256.HashData(aad, value.AsSpan(value.Length - SHA256.HashSizeInBytes));
            made = _session.CreateObject([.. SessionSecret(), Pkcs11Token.Factories.ObjectAttributeFactory.Create(CKA.CKA_VALUE, value)]);
            using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_KEY_WRAP_PAD);
            return _session.WrapKey(mechanism, _key, made);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(value);
            if (made is not null)
            {
                _session.DestroyObject(made);
            }
        }
    }

    private byte[]? UnwrapKey(byte[] message, byte[] aad)
    {
        using IMechanism mechanism = Pkcs11Token.Factories.MechanismFactory.Create(CKM.CKM_AES_KEY_WRAP_PAD);
        IObjectHandle opened = _session.UnwrapKey(mechanism, _key, message, SessionSecret());
        byte[] value = [];
        try
        {
            value = _session.GetAttributeValue(opened, [CKA.CKA_VALUE])[0].GetValueAsByteArray();
            int size = value.Length > HeadSize ? BinaryPrimitives.ReadUInt16BigEndian(value.AsSpan(RandomSize)) : 0;
            return value.Length == SizeOf(size) && CryptographicOperations.FixedTimeEquals(value.AsSpan(value.Length - SHA256.HashSizeInBytes), SHA256.HashData(aad))
                ? value[HeadSize..(HeadSize + size)]
                : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(value);
            _session.DestroyObject(opened);
        }
    }

    private static int SizeOf(int plaintext) => HeadSize + ((plaintext + BlockSize - 1) / BlockSize * BlockSize) + SHA256.HashSizeInBytes;

    private static List<IObjectAttribute> SessionSecret() =>
    [
        Attribute(CKA.CKA_CLASS, CKO.CKO_SECRET_KEY),
        Attribute(CKA.CKA_KEY_TYPE, CKK.CKK_GENERIC_SECRET),
        Attribute(CKA.CKA_TOKEN, false),
        Attribute(CKA.CKA_PRIVATE, true),
        Attribute(CKA.CKA_SENSITIVE, false),
        Attribute(CKA.CKA_EXTRACTABLE, true),
    ];

    private static IObjectAttribute Attribute(CKA type, CKO value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, CKK value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, string value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, bool value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);

    private static IObjectAttribute Attribute(CKA type, ulong value) => Pkcs11Token.Factories.ObjectAttributeFactory.Create(type, value);
}
