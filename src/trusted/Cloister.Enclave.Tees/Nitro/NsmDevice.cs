using System.Runtime.InteropServices;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Nitro;

/// <summary>Documents of the Nitro Security Module. Source: linux/nsm.h. secrets: none.</summary>
internal sealed unsafe class NsmDevice : IEvidenceDevice
{
    internal const string Path = "/dev/nsm";

    // _IOWR(0x0A, 0, struct nsm_raw)
    internal const uint Raw = 0xC0200A00;

    private const int MaxAnswer = 0x3000;

    private readonly IDevices _devices;

    internal NsmDevice(IDevices devices)
    {
        _devices = devices;
    }

    public string Tee => "nitro";

    public JsonElement Collect(EvidenceBinding binding)
    {
        byte[] document = NsmMessages.ReadDocument(Exchange(NsmMessages.AskAttestation(binding)));
        if (!NitroDocumentFields.TryRead(document, out NitroDocumentFields read))
        {
            throw new TeeException($"the Nitro Security Module gave {document.Length} bytes that are no attestation document: look at the parent instance and the version of its Nitro tools");
        }

        return read.UserData.SequenceEqual(binding.ReportData.Span)
            && read.Nonce.SequenceEqual(binding.Nonce.Span)
            && read.PublicKey.SequenceEqual(binding.PublicKey.Span)
            ? EvidenceText.Write(("document", document))
            : throw new TeeException("the attestation document does not cover what was asked: look at the kernel and its NSM driver");
    }

    public TeeException Explain(DeviceException refusal) => Advice(refusal);

    internal static TeeException Advice(DeviceException refusal) => refusal switch
    {
        { IsPermission: true } => new TeeException($"{refusal.Message}: run the enclave as root, or give its user access to {Path}"),
        { Error: Errno.NotFound or Errno.NoSuchDevice or Errno.NotThisControl } => new TeeException(
            $"{refusal.Message}: the enclave's image needs the NSM driver: Linux 6.8 or later, or the nsm.ko that nitro-cli puts in"),
        _ => new TeeException($"{refusal.Message}: the Nitro Security Module does not answer; look at the parent instance", isPassing: true),
    };

    /// <summary>The value of a register.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">The module refuses.</exception>
    internal byte[] Pcr(ulong index) => NsmMessages.ReadPcr(Exchange(NsmMessages.AskPcr(index)));

    private byte[] Exchange(ReadOnlySpan<byte> request)
    {
        byte[] answer = new byte[MaxAnswer];
        using IDeviceFile file = _devices.Open(Path, DeviceAccess.ReadWrite);
        fixed (byte* asked = request)
        {
            fixed (byte* answered = answer)
            {
                Message message = new() { Request = (ulong)asked, RequestLength = (ulong)request.Length, Response = (ulong)answered, ResponseLength = MaxAnswer };
                file.Control(Raw, &message);
                return message.ResponseLength is > 0 and <= MaxAnswer
                    ? answer[..(int)message.ResponseLength]
                    : throw new TeeException($"{Path} gave an answer of no possible length: look at the kernel and its NSM driver");
            }
        }
    }

    /// <summary><c>struct nsm_raw</c>: where request and answer are, and their lengths.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Message
    {
        internal ulong Request;
        internal ulong RequestLength;
        internal ulong Response;
        internal ulong ResponseLength;
    }
}
