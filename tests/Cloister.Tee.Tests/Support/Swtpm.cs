using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vtpm;

namespace Cloister.Tee.Tests.Support;

/// <summary>
/// A TPM of its own: swtpm on a unix socket, with an attestation key and a report where Azure's paravisor leaves them. What the kernel's resource manager does, forgetting sessions and objects of
/// a closed file, is done here.
/// </summary>
internal sealed class Swtpm : IDisposable
{
    private const string Program = "/usr/bin/swtpm";
    private const uint Owner = 0x40000001;

    private readonly string _folder = Directory.CreateTempSubdirectory("swtpm-").FullName;
    private readonly Lock _lock = new();
    private Process? _process;
    private Socket? _socket;

    private Swtpm()
    {
    }

    /// <summary>The attestation key, public.</summary>
    internal RSAParameters AttestationKey { get; private set; }

    /// <summary>The last command that was run and what it gave, for tests that change it on its way.</summary>
    internal Func<byte[], byte[], byte[]>? OnAnswer { get; set; }

    /// <summary>Starts one with an attestation key; skips the test where swtpm is not installed.</summary>
    internal static Swtpm Start()
    {
        Assert.SkipUnless(File.Exists(Program), "swtpm (package swtpm) is not installed");
        Swtpm tpm = new();
        try
        {
            tpm.StartProcess();
            tpm.MakeAttestationKey();
            return tpm;
        }
        catch
        {
            tpm.Dispose();
            throw;
        }
    }

    /// <summary>Puts a report where the paravisor leaves it.</summary>
    internal void WriteReport(byte[] report)
    {
        const uint Attributes = (1u << 1) | (1u << 17) | (1u << 25);
        TpmCommand remove = new(0x122, Owner, AzureDevice.ReportIndex);
        remove.AuthorizeEmpty();
        _ = TryRun(remove.End());
        TpmCommand define = new(0x12A, Owner);
        define.AuthorizeEmpty();
        define.U16(0);
        define.U16(14);
        define.U32(AzureDevice.ReportIndex);
        define.U16(0x000B);
        define.U32(Attributes);
        define.U16(0);
        define.U16((ushort)report.Length);
        _ = Run(define.End());
        for (int at = 0; at < report.Length; at += 512)
        {
            TpmCommand write = new(0x137, Owner, AzureDevice.ReportIndex);
            write.AuthorizeEmpty();
            write.Sized(report.AsSpan(at, Math.Min(512, report.Length - at)));
            write.U16((ushort)at);
            _ = Run(write.End());
        }
    }

    /// <summary>Measures something into a register.</summary>
    internal void Extend(uint register)
    {
        TpmCommand extend = new(0x182, register);
        extend.AuthorizeEmpty();
        extend.U32(1);
        extend.U16(0x000B);
        extend.Raw(SHA256.HashData("other"u8));
        _ = Run(extend.End());
    }

    internal byte[] Register(int register)
    {
        using TpmChannel channel = new(new FileOf(this));
        return Tpm.ReadRegisters(channel, 1 << register)[0];
    }

    internal byte[][] Registers()
    {
        using TpmChannel channel = new(new FileOf(this));
        return Tpm.ReadRegisters(channel, 0xFFFFFF);
    }

    internal IDeviceFile Open() => new TpmFile(this);

    public void Dispose()
    {
        _socket?.Dispose();
        if (_process is { HasExited: false })
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>How many sessions and objects it holds.</summary>
    internal int Held() => Handles(0x80000000).Count + Handles(0x02000000).Count + Handles(0x03000000).Count;

    private void StartProcess()
    {
        string path = Path.Combine(_folder, "tpm.sock");
        ProcessStartInfo start = new(Program)
        {
            ArgumentList =
            {
                "socket", "--tpm2", "--tpmstate", $"dir={_folder}", "--server", $"type=unixio,path={path}", "--ctrl", $"type=unixio,path={path}.ctrl",
                "--flags", "not-need-init,startup-clear", "--log", $"file={_folder}/log",
            },
        };
        _process = Process.Start(start);
        long begun = Stopwatch.GetTimestamp();
        while (true)
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
                _socket = socket;
                return;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(30) && !_process!.HasExited)
            {
                socket.Dispose();
                Thread.Sleep(20);
            }
        }
    }

    // A restricted signing key as Azure's: RSA 2048, RSASSA with SHA-256, in the owner's hierarchy, made persistent.
    private void MakeAttestationKey()
    {
        const uint Attributes = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 10) | (1 << 16) | (1 << 18);
        TpmCommand create = new(0x131, Owner);
        create.AuthorizeEmpty();
        create.U16(4);
        create.U32(0);
        create.U16(2 + 2 + 4 + 2 + 2 + 4 + 2 + 4 + 2);
        create.U16(0x0001);
        create.U16(0x000B);
        create.U32(Attributes);
        create.U16(0);
        create.U16(0x0010);
        create.U16(0x0014);
        create.U16(0x000B);
        create.U16(2048);
        create.U32(0);
        create.U16(0);
        create.U16(0);
        create.U32(0);
        byte[] made = Run(create.End());
        uint handle = BinaryPrimitives.ReadUInt32BigEndian(made.AsSpan(10));

        // Behind handle and parameter size: TPM2B_PUBLIC, whose last field is the modulus.
        int size = BinaryPrimitives.ReadUInt16BigEndian(made.AsSpan(18));
        AttestationKey = new RSAParameters { Modulus = made[(20 + size - 256)..(20 + size)], Exponent = [1, 0, 1] };
        TpmCommand keep = new(0x120, Owner, handle);
        keep.AuthorizeEmpty();
        keep.U32(AzureDevice.AttestationKey);
        _ = Run(keep.End());
        Forget();
    }

    private byte[] Run(ReadOnlySpan<byte> command)
    {
        byte[] answer = TryRun(command);
        uint code = BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(6));
        return code == 0 ? answer : throw new InvalidOperationException($"command {Convert.ToHexString(command[6..10])}: 0x{code:x}");
    }

    private byte[] TryRun(ReadOnlySpan<byte> command)
    {
        lock (_lock)
        {
            Socket socket = _socket!;
            Assert.Equal(command.Length, socket.Send(command));
            byte[] header = new byte[10];
            Fill(socket, header);
            byte[] answer = new byte[BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(2))];
            header.CopyTo(answer, 0);
            Fill(socket, answer.AsSpan(10));
            return answer;
        }
    }

    private static void Fill(Socket socket, Span<byte> destination)
    {
        for (int at = 0; at < destination.Length;)
        {
            int read = socket.Receive(destination[at..]);
            at += read > 0 ? read : throw new IOException("swtpm ended");
        }
    }

    private List<uint> Handles(uint first)
    {
        TpmCommand ask = new(0x17A);
        ask.U32(1);
        ask.U32(first);
        ask.U32(64);
        byte[] answer = Run(ask.End());
        int count = (int)BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(15));
        return [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(19 + (4 * i))))];
    }

    private void Forget()
    {
        foreach (uint handle in (uint[])[.. Handles(0x80000000), .. Handles(0x02000000), .. Handles(0x03000000)])
        {
            TpmCommand flush = new(0x165);
            flush.U32(handle);
            _ = TryRun(flush.End());
        }
    }

    private sealed class FileOf(Swtpm tpm) : IDevices
    {
        public bool Exists(string path) => true;

        public IDeviceFile Open(string path, DeviceAccess access) => tpm.Open();

        public void CreateFolder(string path) => throw new NotSupportedException();

        public void RemoveFolder(string path) => throw new NotSupportedException();
    }

    private sealed class TpmFile(Swtpm tpm) : IDeviceFile
    {
        private byte[] _answer = [];

        public int Read(Span<byte> destination)
        {
            _answer.CopyTo(destination);
            return _answer.Length;
        }

        public int Write(ReadOnlySpan<byte> source)
        {
            _answer = tpm.TryRun(source);
            _answer = tpm.OnAnswer?.Invoke(source.ToArray(), _answer) ?? _answer;
            return source.Length;
        }

        public unsafe void Control(uint code, void* argument) => throw new DeviceException(TpmChannel.Device, Errno.NotThisControl);

        public void Dispose() => tpm.Forget();
    }
}
