using System.Runtime.InteropServices;

namespace Cloister.Attestation.Certificates;

/// <summary>The functions of OpenSSL 3's libcrypto that <see cref="OpenSslSignatures"/> calls, looked up once by name.</summary>
internal sealed unsafe class OpenSslFunctions
{
    private readonly nint _library;
    private bool _complete = true;

    private OpenSslFunctions(nint library)
    {
        _library = library;
        EcKeyNew = (delegate* unmanaged<int, nint>)Find("EC_KEY_new_by_curve_name");
        EcKeyFree = (delegate* unmanaged<nint, void>)Find("EC_KEY_free");
        EcKeySetPoint = (delegate* unmanaged<nint, byte*, nuint, nint, int>)Find("EC_KEY_oct2key");
        EcdsaVerify = (delegate* unmanaged<int, byte*, int, byte*, int, nint, int>)Find("ECDSA_verify");
        EcdsaVerifyPair = (delegate* unmanaged<byte*, int, nint, nint, int>)Find("ECDSA_do_verify");
        EcdsaPairNew = (delegate* unmanaged<nint>)Find("ECDSA_SIG_new");
        EcdsaPairFree = (delegate* unmanaged<nint, void>)Find("ECDSA_SIG_free");
        EcdsaPairSet = (delegate* unmanaged<nint, nint, nint, int>)Find("ECDSA_SIG_set0");
        NumberRead = (delegate* unmanaged<byte*, int, nint, nint>)Find("BN_bin2bn");
        NumberFree = (delegate* unmanaged<nint, void>)Find("BN_free");
        RsaNew = (delegate* unmanaged<nint>)Find("RSA_new");
        RsaFree = (delegate* unmanaged<nint, void>)Find("RSA_free");
        RsaSetKey = (delegate* unmanaged<nint, nint, nint, nint, int>)Find("RSA_set0_key");
        RsaPublicOperation = (delegate* unmanaged<int, byte*, byte*, nint, int, int>)Find("RSA_public_decrypt");
        RsaVerifyPss = (delegate* unmanaged<nint, byte*, nint, nint, byte*, int, int>)Find("RSA_verify_PKCS1_PSS_mgf1");
        Sha384 = (delegate* unmanaged<nint>)Find("EVP_sha384");
        ClearErrors = (delegate* unmanaged<void>)Find("ERR_clear_error");
    }

    /// <summary>The functions, or null where they are not to be had: another system, another version, or a machine in FIPS mode.</summary>
    public static OpenSslFunctions? Instance { get; } = Load();

    public delegate* unmanaged<int, nint> EcKeyNew { get; }

    public delegate* unmanaged<nint, void> EcKeyFree { get; }

    public delegate* unmanaged<nint, byte*, nuint, nint, int> EcKeySetPoint { get; }

    public delegate* unmanaged<int, byte*, int, byte*, int, nint, int> EcdsaVerify { get; }

    public delegate* unmanaged<byte*, int, nint, nint, int> EcdsaVerifyPair { get; }

    public delegate* unmanaged<nint> EcdsaPairNew { get; }

    public delegate* unmanaged<nint, void> EcdsaPairFree { get; }

    public delegate* unmanaged<nint, nint, nint, int> EcdsaPairSet { get; }

    public delegate* unmanaged<byte*, int, nint, nint> NumberRead { get; }

    public delegate* unmanaged<nint, void> NumberFree { get; }

    public delegate* unmanaged<nint> RsaNew { get; }

    public delegate* unmanaged<nint, void> RsaFree { get; }

    public delegate* unmanaged<nint, nint, nint, nint, int> RsaSetKey { get; }

    public delegate* unmanaged<int, byte*, byte*, nint, int, int> RsaPublicOperation { get; }

    public delegate* unmanaged<nint, byte*, nint, nint, byte*, int, int> RsaVerifyPss { get; }

    public delegate* unmanaged<nint> Sha384 { get; }

    public delegate* unmanaged<void> ClearErrors { get; }

    private static OpenSslFunctions? Load()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libcrypto.so.3", out nint library))
        {
            return null;
        }

        OpenSslFunctions functions = new(library);
        return functions._complete && !IsFips(library) ? functions : null;
    }

    /// <summary>In FIPS mode only OpenSSL's providers are validated, which the runtime goes through and these functions do not.</summary>
    private static bool IsFips(nint library) =>
        NativeLibrary.TryGetExport(library, "EVP_default_properties_is_fips_enabled", out nint address)
        && ((delegate* unmanaged<nint, int>)address)(0) == 1;

    private nint Find(string name)
    {
        _complete &= NativeLibrary.TryGetExport(_library, name, out nint address);
        return address;
    }
}
