using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// Seals with a key that the processor's firmware derives for this guest: this chip, launch measurement, guest policy (debug is there, not in
/// the measurement), privilege level and committed TCB; and with HOST_DATA, which the firmware has no field for, through HKDF. secrets: the
/// sealing key.
/// </summary>
internal sealed class SnpSealer : ISealer
{
    private readonly IDevices _devices;
    private readonly SnpDevice _device;
    private readonly DeviceGate _gate;

    internal SnpSealer(IDevices devices, SnpDevice device, DeviceGate gate)
    {
        _devices = devices;
        _device = device;
        _gate = gate;
    }

    public string Description => "SEV-SNP derived key of chip, measurement, policy, committed TCB and HOST_DATA; a firmware update changes it";

    private static ReadOnlySpan<byte> Label => "cloister-sealing-v1 snp "u8;

    public SecretKey SealingKey(SecretArena arena)
    {
        try
        {
            return _gate.Run(() => Derive(arena));
        }
        catch (DeviceException e) when (e.Path == SnpDerivedKey.Device)
        {
            throw new SealException(e.IsPermission
                ? $"{e.Message}: run the enclave as root, or give its user access to {SnpDerivedKey.Device}; or leave state.directory out"
                : $"{e.Message}: the firmware gives no derived key here; leave state.directory out, and provision KEKs after every start", isTransient: true);
        }
        catch (DeviceException e)
        {
            throw new SealException(SnpDevice.Advice(e).Message, isTransient: true);
        }
        catch (TeeException e)
        {
            throw new SealException(e.Message, isTransient: true);
        }
    }

    // The committed TCB is the newest that the host cannot go back behind: firmware with an older one refuses to derive for it, so an old,
    // broken firmware never gets keys of a newer one.
    private SecretKey Derive(SecretArena arena)
    {
        Span<byte> fresh = stackalloc byte[RuntimeBinding.ReportDataSize];
        KernelRandom.Fill(fresh);
        if (!SnpReportFields.TryRead(_device.Get(fresh).Out, out SnpReportFields report))
        {
            throw new TeeException("no SEV-SNP report");
        }

        byte[] key = GC.AllocateArray<byte>(SnpDerivedKey.KeySize, pinned: true);
        SnpDerivedKey.Get(_devices, report.Vmpl, report.CommittedTcb, key);
        return SealingKeys.Derive(arena, key, Label, report.HostData);
    }
}
