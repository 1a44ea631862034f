using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>
/// SNP_GET_DERIVED_KEY. Source: linux/sev-guest.h; SEV-SNP Firmware ABI (56860), "Key Derivation", MSG_KEY_REQ and MSG_KEY_RSP. secrets: the
/// derived key passes through memory that is wiped.
/// </summary>
internal static unsafe class SnpDerivedKey
{
    internal const string Device = "/dev/sev-guest";
    internal const int KeySize = 32;

    // _IOWR('S', 1, struct snp_guest_request_ioctl)
    internal const uint GetDerivedKey = 0xC0205301;
    internal const int RequestSize = 32;
    internal const int ResponseSize = 64;

    // Guest field select: policy, measurement, TCB version. Not the guest's SVN, family and image: those come from an ID block, which is free
    // for the owner to change without a change of the code.
    internal const ulong MixedIn = 1UL << 0 | 1UL << 3 | 1UL << 5;

    private const byte MessageVersion = 1;
    private const uint VmmBusy = 2;
    private const int KeyAt = 32;

    /// <summary>Asks the firmware.</summary>
    /// <param name="devices">Devices.</param>
    /// <param name="vmpl">Privilege level to mix in.</param>
    /// <param name="tcb">TCB version to mix in.</param>
    /// <param name="key">Takes 32 bytes.</param>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">The firmware refuses.</exception>
    internal static void Get(IDevices devices, uint vmpl, ulong tcb, Span<byte> key)
    {
        // Root key select 0: the chip's endorsement key. Migration agents have no part in it.
        byte* request = stackalloc byte[RequestSize];
        new Span<byte>(request, RequestSize).Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(request + 8, 8), MixedIn);
        BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(request + 16, 4), vmpl);
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(request + 24, 8), tcb);
        byte* response = stackalloc byte[ResponseSize];
        Span<byte> answer = new(response, ResponseSize);
        answer.Clear();
        GuestRequest argument = new() { Version = MessageVersion, Request = (ulong)request, Response = (ulong)response };
        try
        {
            using IDeviceFile file = devices.Open(Device, DeviceAccess.ReadWrite);
            try
            {
                file.Control(GetDerivedKey, &argument);
            }
            catch (DeviceException e) when (e.Error == Errno.InputOutput && argument.VmmError == VmmBusy)
            {
                throw new DeviceException(Device, Errno.Busy);
            }

            uint status = BinaryPrimitives.ReadUInt32LittleEndian(answer);
            if (status != 0)
            {
                throw new TeeException($"the processor's firmware gives no derived key (status 0x{status:x}): leave state.directory out, and provision KEKs after every start");
            }

            answer.Slice(KeyAt, KeySize).CopyTo(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(answer);
        }
    }

    /// <summary><c>struct snp_guest_request_ioctl</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct GuestRequest
    {
        internal byte Version;
        internal ulong Request;
        internal ulong Response;
        internal uint FirmwareError;
        internal uint VmmError;
    }
}
