using System.Runtime.InteropServices;

namespace Cloister.Bench.Attestation;

/// <summary>The signatures alone, with OpenSSL's EVP_PKEY_verify over digests that are ready.</summary>
internal sealed unsafe partial class BareVerification
{
    private const string Crypto = "libcrypto.so.3";
    private const int PssPadding = 6;
    private const int SaltLength = 48;
    private readonly SignedItem[] _items;
    private readonly nint[] _contexts;

    public BareVerification(IReadOnlyList<SignedItem> items)
    {
        _items = [.. items];
        _contexts = [.. _items.Select(item => Open(item, out _))];
    }

    /// <summary>With keys that are ready, contexts used again.</summary>
    public void WithReadyKeys()
    {
        for (int i = 0; i < _items.Length; i++)
        {
            Verify(_contexts[i], _items[i]);
        }
    }

    /// <summary>With keys that are read from SubjectPublicKeyInfo each time, as a verifier meets them.</summary>
    public void WithImport()
    {
        foreach (SignedItem item in _items)
        {
            nint context = Open(item, out nint key);
            Verify(context, item);
            EVP_PKEY_CTX_free(context);
            EVP_PKEY_free(key);
        }
    }

    private static void Verify(nint context, SignedItem item)
    {
        fixed (byte* signature = item.Signature, digest = item.Digest)
        {
            Require(EVP_PKEY_verify(context, signature, (nuint)item.Signature.Length, digest, (nuint)item.Digest.Length) == 1);
        }
    }

    private static nint Open(SignedItem item, out nint key)
    {
        fixed (byte* bytes = item.KeyInfo)
        {
            byte* at = bytes;
            key = d2i_PUBKEY(0, &at, item.KeyInfo.Length);
        }

        nint context = EVP_PKEY_CTX_new(key, 0);
        Require(key != 0 && context != 0 && EVP_PKEY_verify_init(context) == 1);
        if (item.IsPss)
        {
            Require(EVP_PKEY_CTX_set_rsa_padding(context, PssPadding) == 1
                && EVP_PKEY_CTX_set_signature_md(context, EVP_sha384()) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SaltLength) == 1);
        }

        return context;
    }

    private static void Require(bool good)
    {
        if (!good)
        {
            throw new InvalidOperationException("OpenSSL does not verify what the evidence says.");
        }
    }

#pragma warning disable SA1300, CA5392, IDE1006 // names of the library
    [LibraryImport(Crypto)]
    private static partial nint d2i_PUBKEY(nint key, byte** input, nint length);

    [LibraryImport(Crypto)]
    private static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Crypto)]
    private static partial nint EVP_PKEY_CTX_new(nint key, nint engine);

    [LibraryImport(Crypto)]
    private static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(Crypto)]
    private static partial int EVP_PKEY_verify_init(nint context);

    [LibraryImport(Crypto)]
    private static partial int EVP_PKEY_CTX_set_rsa_padding(nint context, int padding);

    [LibraryImport(Crypto)]
    private static partial int EVP_PKEY_CTX_set_rsa_pss_saltlen(nint context, int length);

    [LibraryImport(Crypto)]
    private static partial int EVP_PKEY_CTX_set_signature_md(nint context, nint hash);

    [LibraryImport(Crypto)]
    private static partial nint EVP_sha384();

    [LibraryImport(Crypto)]
    private static partial int EVP_PKEY_verify(nint context, byte* signature, nuint signatureLength, byte* digest, nuint digestLength);
#pragma warning restore SA1300, CA5392, IDE1006
}
