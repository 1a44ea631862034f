using System.Buffers.Binary;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>
/// What the processor says about this enclave, through Gramine, which is part of it: <c>my_target_info</c>. Quotes come through the host and
/// are held against it. Source: Intel SDM volume 3D, "TARGETINFO". secrets: none.
/// </summary>
internal sealed class TargetInfo
{
    internal const int Size = 512;

    private const ulong Debug = 2;
    private const ulong Mode64 = 4;

    private readonly byte[] _info;
    private readonly ulong _flags;

    private TargetInfo(byte[] info)
    {
        _info = info;
        _flags = BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(32));
    }

    internal bool IsDebug => (_flags & Debug) != 0;

    internal ReadOnlySpan<byte> MrEnclave => _info.AsSpan(0, 32);

    /// <summary>Null when this is none.</summary>
    internal static TargetInfo? Read(byte[] info)
    {
        if (info.Length != Size)
        {
            return null;
        }

        // Every enclave has a measurement and, on 64 bits, MODE64.
        TargetInfo read = new(info);
        return read.MrEnclave.ContainsAnyExcept((byte)0) && (read._flags & Mode64) != 0 ? read : null;
    }
}
