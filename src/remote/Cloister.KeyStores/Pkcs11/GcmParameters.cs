using System.Runtime.InteropServices;
using Net.Pkcs11Interop.HighLevelAPI.MechanismParams;
using Net.Pkcs11Interop.LowLevelAPI80.MechanismParams;

namespace Cloister.KeyStores.Pkcs11;

/// <summary>Parameters of CKM_AES_GCM whose IV can be read after the call: a token may have put one of its own there. 64-bit Linux.</summary>
internal sealed unsafe class GcmParameters : IMechanismParams, IDisposable
{
    /// <summary>Bytes of an IV.</summary>
    public const int IvSize = 12;

    /// <summary>Bytes of a tag.</summary>
    public const int TagSize = 16;

    // Room for tokens that write a block.
    private const int Room = 16;

    private readonly byte* _iv = (byte*)NativeMemory.AllocZeroed(Room);
    private readonly byte* _aad;
    private readonly int _aadSize;

    public GcmParameters(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad)
    {
        iv.CopyTo(new Span<byte>(_iv, IvSize));
        _aadSize = aad.Length;
        _aad = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, aad.Length));
        aad.CopyTo(new Span<byte>(_aad, aad.Length));
    }

    /// <summary>The IV of the message.</summary>
    public ReadOnlySpan<byte> Iv => new(_iv, IvSize);

    public object ToMarshalableStructure() => new CK_GCM_PARAMS
    {
        Iv = (nint)_iv,
        IvLen = IvSize,
        IvBits = 8 * IvSize,
        AAD = _aadSize == 0 ? 0 : (nint)_aad,
        AADLen = (ulong)_aadSize,
        TagBits = 8 * TagSize,
    };

    public void Dispose()
    {
        NativeMemory.Free(_iv);
        NativeMemory.Free(_aad);
    }
}
