using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Keys.Envelope;

/// <summary>
/// Makes and opens the suites of an EDEK that are encrypted in the enclave (1 and 2). Source: docs/envelope-format.md.
/// secrets: plaintext passes through, is not kept.
/// </summary>
public static class EdekCipher
{
    /// <summary>Bytes of an EDEK for a plaintext of that length.</summary>
    public static int Size(EdekSuite suite, int wrappedDekLength, int plaintextLength) =>
        Edek.BoundSize(suite, wrappedDekLength) + Edek.NonceSize + plaintextLength + Edek.TagSize;

    /// <summary>Encrypts a plaintext into an EDEK.</summary>
    /// <param name="cipher">The KEK's cipher (suite 1) or the DEK's (suite 2).</param>
    /// <param name="context">What the EDEK is bound to.</param>
    /// <param name="suite">Suite 1 or 2.</param>
    /// <param name="kek">Fingerprint of the KEK.</param>
    /// <param name="wrappedDek">Suite 2: the wrapped DEK. Else empty.</param>
    /// <param name="plaintext">1 byte up to what 1024 bytes of EDEK leave.</param>
    /// <param name="destination">At least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="FailureException">Invalid: the plaintext is empty or too long.</exception>
    public static int Encrypt(
        Xaes256Gcm cipher,
        EnvelopeContext context,
        EdekSuite suite,
        KeyFingerprint kek,
        ReadOnlySpan<byte> wrappedDek,
        ReadOnlySpan<byte> plaintext,
        Span<byte> destination)
    {
        CheckPlaintext(plaintext.Length, Edek.MaxSize - Size(suite, wrappedDek.Length, 0));
        int bound = Edek.WriteBound(destination, suite, kek, wrappedDek);
        Span<byte> nonce = destination.Slice(bound, Edek.NonceSize);
        KernelRandom.Fill(nonce);

        Span<byte> aad = stackalloc byte[context.AadSize(bound)];
        cipher.Encrypt(
            nonce,
            plaintext,
            context.WriteAad(aad, destination[..bound]),
            destination.Slice(bound + Edek.NonceSize, plaintext.Length + Edek.TagSize));
        return bound + Edek.NonceSize + plaintext.Length + Edek.TagSize;
    }

    /// <summary>Opens an EDEK.</summary>
    /// <param name="cipher">The KEK's cipher (suite 1) or the DEK's (suite 2).</param>
    /// <param name="context">What the EDEK is bound to.</param>
    /// <param name="edek">The EDEK, of suite 1 or 2.</param>
    /// <param name="destination">At least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="FailureException">Invalid, always the same, when it does not authenticate.</exception>
    public static int Decrypt(Xaes256Gcm cipher, EnvelopeContext context, Edek edek, Span<byte> destination)
    {
        Span<byte> aad = stackalloc byte[context.AadSize(edek.Bound.Length)];
        int length = edek.Payload.Length - Edek.TagSize;
        if (!cipher.TryDecrypt(edek.Nonce, edek.Payload, context.WriteAad(aad, edek.Bound), destination[..length]))
        {
            throw EdekFailure.NotAuthentic();
        }

        return length;
    }

    /// <summary>Refuses plaintexts that no KMS plugin has to take.</summary>
    /// <exception cref="FailureException">It is longer than <paramref name="most"/> bytes.</exception>
    public static void CheckPlaintext(int length, int most)
    {
        if (length == 0)
        {
            throw new FailureException(FailureKind.Invalid, "the plaintext is empty");
        }

        if (length > most)
        {
            throw new FailureException(
                FailureKind.Invalid,
                $"the plaintext has {length} bytes, at most {most} fit into an EDEK of {Edek.MaxSize}; an API server sends 32");
        }
    }
}
