using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// An open TPM: commands one after another. The kernel's resource manager forgets the sessions and objects of a file when it is closed. Used by one thread.
/// secrets: what the TPM derives passes through, and is wiped.
/// </summary>
internal sealed class TpmChannel : IDisposable
{
    internal const string Device = "/dev/tpmrm0";

    private const int HeaderSize = 10;
    private const int MaxAnswer = 4096;
    private const ushort NoSessions = 0x8001;
    private const ushort Sessions = 0x8002;

    private readonly IDeviceFile _file;
    private readonly byte[] _answer = GC.AllocateUninitializedArray<byte>(MaxAnswer, pinned: true);

    /// <summary>Opens it.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    internal TpmChannel(IDevices devices)
    {
        _file = devices.Open(Device, DeviceAccess.ReadWrite);
    }

    /// <summary>One command.</summary>
    /// <param name="command">As <see cref="TpmCommand.End"/> gives it.</param>
    /// <param name="what">What it is for, for the message of a refusal.</param>
    /// <param name="handle">The handle that stands before the parameters, or 0.</param>
    /// <param name="givesHandle">Whether there is one.</param>
    /// <returns>The parameters; good until the next command.</returns>
    /// <exception cref="TeeException">The TPM refuses, or its answer is none.</exception>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    internal TpmReader Run(ReadOnlySpan<byte> command, string what, out uint handle, bool givesHandle = false)
    {
        if (_file.Write(command) != command.Length)
        {
            throw TpmReader.Malformed();
        }

        ReadOnlySpan<byte> answer = _answer.AsSpan(0, _file.Read(_answer));
        TpmReader reader = new(answer);
        ushort tag = reader.U16();
        if (reader.U32() != (uint)answer.Length || tag is not (NoSessions or Sessions))
        {
            throw TpmReader.Malformed();
        }

        uint code = reader.U32();
        if (code != 0)
        {
            throw Refused(code, what);
        }

        bool asked = BinaryPrimitives.ReadUInt16BigEndian(command) == Sessions;
        if (asked != (tag == Sessions))
        {
            throw TpmReader.Malformed();
        }

        handle = givesHandle ? reader.U32() : 0;
        return asked ? new TpmReader(reader.Take(checked((int)Math.Min(reader.U32(), MaxAnswer)))) : new TpmReader(answer[(HeaderSize + (givesHandle ? sizeof(uint) : 0))..]);
    }

    /// <summary>One command without a handle in its answer.</summary>
    internal TpmReader Run(ReadOnlySpan<byte> command, string what) => Run(command, what, out _);

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_answer);
        _file.Dispose();
    }

    private static TeeException Refused(uint code, string what)
    {
        // TPM_RC_YIELDED, TESTING, RETRY, NV_RATE: part 2, 6.6.3.
        bool isPassing = code is 0x908 or 0x90A or 0x922 or 0x920;
        return new TeeException($"the TPM refused {what} with 0x{code:x}: {(isPassing ? "it is busy" : "it is not the vTPM of an Azure confidential VM, or its owner has a password")}", isPassing);
    }
}
