using System.Buffers.Binary;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Nitro;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Enclave.Tees.Vm;
using Cloister.Enclave.Tees.Vtpm;

namespace Cloister.Fuzz.Targets;

/// <summary>
/// Devices of one TEE whose files give parts of an input: first byte the TEE, then parts of two bytes of length and so many bytes. Fresh
/// report data, which an input cannot know, is put where an honest device has it.
/// </summary>
internal sealed unsafe class FuzzedDevices : IDevices
{
    private readonly int _tee;
    private readonly List<byte[]> _parts = [];
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal) { TsmReports.Folder };
    private byte[] _asked = [];
    private int _answers;

    internal FuzzedDevices(ReadOnlySpan<byte> input)
    {
        _tee = input.IsEmpty ? 0 : input[0] % 5;
        for (ReadOnlySpan<byte> rest = input.IsEmpty ? input : input[1..]; rest.Length >= 2;)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(rest), rest.Length - 2);
            _parts.Add(rest.Slice(2, length).ToArray());
            rest = rest[(2 + length)..];
        }
    }

    /// <summary>An input that gives these parts.</summary>
    internal static byte[] Input(byte tee, params byte[][] parts) =>
        [tee, .. parts.SelectMany(part => (byte[])[(byte)(part.Length & 0xFF), (byte)(part.Length >> 8), .. part])];

    public Uri LocalService { get; } = new("http://127.0.0.1:9/");

    public bool Exists(string path) => _folders.Contains(path) || path == (_tee switch
    {
        0 => GramineFiles.AttestationType,
        1 => TdReport.Device,
        2 => SnpDerivedKey.Device,
        3 => NsmDevice.Path,
        _ => TpmChannel.Device,
    });

    public IDeviceFile Open(string path, DeviceAccess access) => new OpenFile(this, path);

    public void CreateFolder(string path)
    {
        _asked = [];
        _folders.Add(path);
    }

    public void RemoveFolder(string path) => _folders.Remove(path);

    private byte[] Part(int index) => index < _parts.Count ? [.. _parts[index]] : [];

    private byte[] Content(string path) => path switch
    {
        TpmChannel.Device => Part(_answers++),
        GramineFiles.AttestationType => Part(0),
        GramineFiles.MyTargetInfo => Part(1),
        GramineFiles.Quote => Part(2),
        GramineFiles.EnclaveKey => Part(3),
        _ => path[path.LastIndexOf('/')..] switch
        {
            "/provider" => Part(1),
            "/privlevel_floor" => "0\n"u8.ToArray(),
            "/generation" => Part(_asked.Length == 0 ? 2 : 3),
            "/outblob" => _tee == 2 ? Put(_asked, Part(0), 0x50) : Part(4),
            "/auxblob" => Part(4),
            _ => [],
        },
    };

    private static byte[] Put(ReadOnlySpan<byte> asked, byte[] answer, int at)
    {
        if (answer.Length >= at + asked.Length)
        {
            asked.CopyTo(answer.AsSpan(at));
        }

        return answer;
    }

    private void Control(string path, void* argument)
    {
        if (path == TdReport.Device)
        {
            byte[] report = new byte[TdReport.Size];
            byte[] given = Part(0);
            given.AsSpan(0, Math.Min(given.Length, report.Length)).CopyTo(report);
            Put(new ReadOnlySpan<byte>(argument, TdReport.ReportDataSize), report, 128).CopyTo(new Span<byte>((byte*)argument + TdReport.ReportDataSize, TdReport.Size));
            return;
        }

        if (path == SnpDerivedKey.Device)
        {
            SnpDerivedKey.GuestRequest* request = (SnpDerivedKey.GuestRequest*)argument;
            byte[] given = Part(5);
            given.AsSpan(0, Math.Min(given.Length, SnpDerivedKey.ResponseSize)).CopyTo(new Span<byte>((void*)request->Response, SnpDerivedKey.ResponseSize));
            return;
        }

        NsmDevice.Message* message = (NsmDevice.Message*)argument;
        byte[] answer = Part(_answers++);
        int length = Math.Min(answer.Length, (int)message->ResponseLength);
        answer.AsSpan(0, length).CopyTo(new Span<byte>((void*)message->Response, length));
        message->ResponseLength = (ulong)length;
    }

    private sealed class OpenFile(FuzzedDevices devices, string path) : IDeviceFile
    {
        private byte[]? _content;
        private int _position;

        public int Read(Span<byte> destination)
        {
            _content ??= devices.Content(path);
            int length = Math.Min(destination.Length, _content.Length - _position);
            _content.AsSpan(_position, length).CopyTo(destination);
            _position += length;
            return length;
        }

        public int Write(ReadOnlySpan<byte> source)
        {
            // The next answer of a TPM is another one.
            _content = null;
            _position = 0;
            devices._asked = source.ToArray();
            return source.Length;
        }

        public void Control(uint code, void* argument) => devices.Control(path, argument);

        public void Dispose()
        {
        }
    }
}
