namespace Cloister.Attestation.Certificates;

/// <summary>
/// Verifies signatures by OpenSSL's own entry points. The runtime uses the same library, but makes it prove anew for each key that the point has the order
/// of the curve, which doubles the cost of a verification and says nothing more: for P-256 and P-384, whose cofactor is 1, being on the curve is enough,
/// and <c>EC_KEY_oct2key</c> checks that. Where the library is not to be had, <see cref="SubjectPublicKey"/> uses the runtime's classes; the answers are the same.
/// </summary>
internal static unsafe class OpenSslSignatures
{
    private const int NidP256 = 415;
    private const int NidP384 = 715;
    private const int RsaNoPadding = 3;
    private const int RsaLength = 512;
    private const int PssSaltLength = 48;

    // One key object for each curve, taken while in use: making one builds the curve's parameters anew, which costs a tenth of a verification.
    private static nint s_keyP256;
    private static nint s_keyP384;

    /// <summary>Whether OpenSSL can be called.</summary>
    public static bool IsAvailable => OpenSslFunctions.Instance is not null;

    /// <summary>ECDSA over a digest.</summary>
    /// <param name="kind">P-256 or P-384.</param>
    /// <param name="point">04 || x || y.</param>
    /// <param name="digest">The message's digest.</param>
    /// <param name="signature">DER, or r || s of fixed width.</param>
    /// <param name="derEncoded">Which of the two.</param>
    public static bool VerifyEcdsa(PublicKeyKind kind, ReadOnlySpan<byte> point, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signature, bool derEncoded)
    {
        OpenSslFunctions openSsl = OpenSslFunctions.Instance!;
        if (signature.IsEmpty || (!derEncoded && signature.Length != point.Length - 1))
        {
            return false;
        }

        nint key = TakeKey(openSsl, kind);
        bool good = false;
        fixed (byte* pointBytes = point, digestBytes = digest, signatureBytes = signature)
        {
            good = key != 0
                && openSsl.EcKeySetPoint(key, pointBytes, (nuint)point.Length, 0) == 1
                && (derEncoded
                    ? openSsl.EcdsaVerify(0, digestBytes, digest.Length, signatureBytes, signature.Length, key) == 1
                    : VerifyPair(openSsl, key, digestBytes, digest.Length, signatureBytes, signature.Length / 2));
        }

        ReturnKey(openSsl, kind, key);
        return Conclude(openSsl, good);
    }

    /// <summary>RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes, over a digest, by a key of 4096 bits.</summary>
    /// <param name="modulus">512 bytes, big-endian.</param>
    /// <param name="exponent">Big-endian.</param>
    /// <param name="digest">48 bytes.</param>
    /// <param name="signature">512 bytes; any other length is wrong.</param>
    public static bool VerifyPss(ReadOnlySpan<byte> modulus, ReadOnlySpan<byte> exponent, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> signature)
    {
        OpenSslFunctions openSsl = OpenSslFunctions.Instance!;
        if (signature.Length != RsaLength)
        {
            return false;
        }

        nint key = openSsl.RsaNew();
        bool good = false;
        byte* encoded = stackalloc byte[RsaLength];
        fixed (byte* modulusBytes = modulus, exponentBytes = exponent, digestBytes = digest, signatureBytes = signature)
        {
            nint n = openSsl.NumberRead(modulusBytes, modulus.Length, 0);
            nint e = openSsl.NumberRead(exponentBytes, exponent.Length, 0);
            if (key != 0 && n != 0 && e != 0 && openSsl.RsaSetKey(key, n, e, 0) == 1)
            {
                // The key owns its numbers now.
                good = openSsl.RsaPublicOperation(RsaLength, signatureBytes, encoded, key, RsaNoPadding) == RsaLength
                    && openSsl.RsaVerifyPss(key, digestBytes, openSsl.Sha384(), openSsl.Sha384(), encoded, PssSaltLength) == 1;
            }
            else
            {
                openSsl.NumberFree(n);
                openSsl.NumberFree(e);
            }
        }

        openSsl.RsaFree(key);
        return Conclude(openSsl, good);
    }

    /// <summary>A key object of the curve. Whatever point it has from an earlier use must be replaced before it is used.</summary>
    private static nint TakeKey(OpenSslFunctions openSsl, PublicKeyKind kind)
    {
        nint key = Interlocked.Exchange(ref Slot(kind), 0);
        return key != 0 ? key : openSsl.EcKeyNew(kind == PublicKeyKind.P256 ? NidP256 : NidP384);
    }

    private static void ReturnKey(OpenSslFunctions openSsl, PublicKeyKind kind, nint key)
    {
        if (Interlocked.CompareExchange(ref Slot(kind), key, 0) != 0)
        {
            openSsl.EcKeyFree(key);
        }
    }

    private static ref nint Slot(PublicKeyKind kind) => ref (kind == PublicKeyKind.P256 ? ref s_keyP256 : ref s_keyP384);

    private static bool VerifyPair(OpenSslFunctions openSsl, nint key, byte* digest, int digestLength, byte* signature, int half)
    {
        nint pair = openSsl.EcdsaPairNew();
        nint r = openSsl.NumberRead(signature, half, 0);
        nint s = openSsl.NumberRead(signature + half, half, 0);
        bool good = false;
        if (pair != 0 && r != 0 && s != 0 && openSsl.EcdsaPairSet(pair, r, s) == 1)
        {
            // The pair owns its numbers now.
            good = openSsl.EcdsaVerifyPair(digest, digestLength, pair, key) == 1;
        }
        else
        {
            openSsl.NumberFree(r);
            openSsl.NumberFree(s);
        }

        openSsl.EcdsaPairFree(pair);
        return good;
    }

    /// <summary>A failure leaves its reasons in a queue of the thread, where the next user of OpenSSL would find them.</summary>
    private static bool Conclude(OpenSslFunctions openSsl, bool good)
    {
        if (!good)
        {
            openSsl.ClearErrors();
        }

        return good;
    }
}
