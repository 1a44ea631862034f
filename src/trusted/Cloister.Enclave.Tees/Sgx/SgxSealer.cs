using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>
/// Seals with Gramine's key (EGETKEY, 128 bits), to this very enclave or to everything its signer signs. Both hold for the security versions of
/// processor and enclave of this moment. secrets: the sealing key.
/// </summary>
internal sealed class SgxSealer : ISealer
{
    private const int PlatformKeySize = 16;

    private readonly IDevices _devices;
    private readonly DeviceGate _gate;
    private readonly SealTo _to;

    internal SgxSealer(IDevices devices, DeviceGate gate, SealTo to)
    {
        _devices = devices;
        _gate = gate;
        _to = to;
    }

    public string Description => _to == SealTo.Enclave
        ? "SGX sealing key of MRENCLAVE; a microcode update or another version of the enclave changes it"
        : "SGX sealing key of MRSIGNER; a microcode update or another ISVSVN changes it";

    private string Path => _to == SealTo.Enclave ? GramineFiles.EnclaveKey : GramineFiles.SignerKey;

    private ReadOnlySpan<byte> Label => _to == SealTo.Enclave ? "cloister-sealing-v1 sgx mrenclave"u8 : "cloister-sealing-v1 sgx mrsigner"u8;

    public SecretKey SealingKey(SecretArena arena)
    {
        try
        {
            return _gate.Run(() => Derive(arena));
        }
        catch (DeviceException e)
        {
            throw new SealException($"{e.Message}: Gramine gives no sealing key; run the enclave with gramine-sgx, or leave state.directory out", isTransient: true);
        }
        catch (TeeException e)
        {
            throw new SealException(e.Message, isTransient: true);
        }
    }

    private SecretKey Derive(SecretArena arena)
    {
        // One byte more than a key has, to see that there is not more.
        byte[] key = GC.AllocateArray<byte>(PlatformKeySize + 1, pinned: true);
        int length = _devices.ReadInto(Path, key);
        if (length != PlatformKeySize)
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
            throw new TeeException($"{Path} has not {PlatformKeySize} bytes: that is not Gramine's sealing key. Run the enclave with gramine-sgx, or leave state.directory out");
        }

        return SealingKeys.Derive(arena, key.AsSpan(0, PlatformKeySize), Label, default);
    }
}
