namespace Cloister.Attestation.Certificates;

/// <summary>
/// An EC_KEY of one thread, whose point is set anew for each verification: making the curve costs as much as reading a point. It holds a public key only, and never one that a caller did not just set.
/// </summary>
internal sealed unsafe class OpenSslKeySlot
{
    [ThreadStatic]
    private static OpenSslKeySlot? t_p256;

    [ThreadStatic]
    private static OpenSslKeySlot? t_p384;

    private readonly OpenSslFunctions _openSsl;
    private readonly nint _key;

    private OpenSslKeySlot(OpenSslFunctions openSsl, int curve)
    {
        _openSsl = openSsl;
        _key = openSsl.EcKeyNew(curve);
    }

    ~OpenSslKeySlot() => _openSsl.EcKeyFree(_key);

    /// <summary>The thread's key for P-256 (curve 415) or P-384 (curve 715) with this point; 0 when the point is not on the curve.</summary>
    public static nint With(OpenSslFunctions openSsl, PublicKeyKind kind, int curve, byte* point, int length)
    {
        ref OpenSslKeySlot? slot = ref kind == PublicKeyKind.P256 ? ref t_p256 : ref t_p384;
        slot ??= new OpenSslKeySlot(openSsl, curve);
        return slot._key != 0 && openSsl.EcKeySetPoint(slot._key, point, (nuint)length, 0) == 1 ? slot._key : 0;
    }
}
