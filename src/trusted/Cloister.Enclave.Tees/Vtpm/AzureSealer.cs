using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// Seals with a key that the vTPM derives for its owner's seed and the registers of firmware, Secure Boot, boot loader, kernel and command line as they are now, and with the digest
/// of the configuration. The paravisor has the seed; nothing tells an old sealed copy from the newest. secrets: the sealing key.
/// </summary>
internal sealed class AzureSealer : ISealer
{
    // PCR 0, 4, 7, 8, 9, 12. Not 11: systemd goes on extending it while the machine starts.
    internal const int BoundRegisters = (1 << 0) | (1 << 4) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 12);

    private readonly IDevices _devices;
    private readonly DeviceGate _gate;
    private byte[] _configuration = [];

    internal AzureSealer(IDevices devices, DeviceGate gate)
    {
        _devices = devices;
        _gate = gate;
    }

    public string Description => "vTPM of the owner's seed, PCR 0, 4, 7, 8, 9 and 12 and the configuration; another kernel, command line or Secure Boot state changes it";

    private static ReadOnlySpan<byte> Label => "cloister-sealing-v1 az-vtpm "u8;

    /// <summary>SHA-256 of the configuration, which sealed state is for.</summary>
    internal void BindTo(byte[] configuration) => _configuration = configuration;

    public SecretKey SealingKey(SecretArena arena)
    {
        try
        {
            return _configuration.Length > 0 ? _gate.Run(() => Derive(arena)) : throw new TeeException("the configuration was not looked at yet");
        }
        catch (DeviceException e)
        {
            throw new SealException(AzureDevice.Advice(e).Message, isTransient: true);
        }
        catch (TeeException e)
        {
            throw new SealException($"{e.Message}; or leave state.directory out, and provision KEKs after every start", isTransient: true);
        }
    }

    private SecretKey Derive(SecretArena arena)
    {
        byte[] key = GC.AllocateArray<byte>(SecretKey.Size, pinned: true);
        using (TpmChannel tpm = new(_devices))
        {
            Tpm.DeriveBound(tpm, BoundRegisters, Label, key);
        }

        return SealingKeys.Derive(arena, key, Label, _configuration);
    }
}
