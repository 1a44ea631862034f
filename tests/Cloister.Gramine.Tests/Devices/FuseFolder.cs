using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Gramine.Tests.Devices;

/// <summary>
/// A folder of the kernel's FUSE that this process answers for: small files, made when they are opened and taken when they are closed. Needs root and
/// <c>/dev/fuse</c>, and no library. Source: <c>linux/fuse.h</c>, protocol 7.31.
/// </summary>
internal abstract partial class FuseFolder : IDisposable
{
    /// <summary>The device whose descriptor is the connection.</summary>
    internal const string Device = "/dev/fuse";

    private const int InHeader = 40;
    private const int OutHeader = 16;
    private const int MaxRequest = 256 * 1024;
    private const uint DirectIo = 1;
    private const int NotFound = 2;
    private const int NoAccess = 13;
    private const int NotSupported = 38;

    private readonly string[] _paths;
    private readonly string _mountPoint;
    private readonly int _connection;
    private readonly ConcurrentDictionary<ulong, byte[]> _open = [];
    private readonly ConcurrentDictionary<ulong, byte[]> _written = [];
    private long _handles;

    /// <summary>Mounts it.</summary>
    /// <param name="mountPoint">An empty folder.</param>
    /// <param name="paths">Folders before the files in them, such as <c>keys</c> and <c>keys/one</c>.</param>
    protected FuseFolder(string mountPoint, params IEnumerable<string> paths)
    {
        _mountPoint = mountPoint;
        _paths = ["", .. paths];
        _connection = Open(Device, 2 | 0x80000); // O_RDWR | O_CLOEXEC
        Check(_connection >= 0, $"opening {Device}");
        Check(Mount("cloister-test", mountPoint, "fuse", 6, $"fd={_connection},rootmode=40000,user_id=0,group_id=0,allow_other") == 0, $"mounting {mountPoint}");
        new Thread(Serve) { IsBackground = true, Name = "fuse" }.Start();
    }

    private enum Call : uint
    {
        Lookup = 1, Forget = 2, GetAttributes = 3, SetAttributes = 4, Open = 14, Read = 15, Write = 16, Release = 18, Flush = 25,
        Init = 26, OpenFolder = 27, ReleaseFolder = 29, Interrupt = 36, Destroy = 38, ForgetMany = 42,
    }

    /// <summary>What a file holds for who opens it now. May take its time; others are served meanwhile.</summary>
    /// <param name="path">One of the paths.</param>
    /// <param name="thread">Who opens it.</param>
    /// <exception cref="FuseException">He may not.</exception>
    protected abstract byte[] OnOpen(string path, uint thread);

    /// <summary>A file was written and closed.</summary>
    protected abstract void OnWritten(string path, byte[] content);

    /// <summary>Unmounts it.</summary>
    public virtual void Dispose()
    {
        _ = Unmount(_mountPoint, 2); // MNT_DETACH; the thread ends with the connection
        GC.SuppressFinalize(this);
    }

    private static void Check(bool good, string what)
    {
        if (!good)
        {
            throw new IOException($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private unsafe void Serve()
    {
        byte[] buffer = new byte[MaxRequest];
        while (true)
        {
            nint length;
            fixed (byte* at = buffer)
            {
                length = Read(_connection, at, buffer.Length);
            }

            if (length >= InHeader)
            {
                byte[] request = buffer[..(int)length];
                if ((Call)U32(request, 4) == Call.Open)
                {
                    _ = Task.Factory.StartNew(() => Answer(request), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                }
                else
                {
                    Answer(request);
                }
            }
            else if (Marshal.GetLastPInvokeError() is not (2 or 4 or 11)) // ENOENT: given up before it was read; EINTR; EAGAIN
            {
                _ = Close(_connection);
                return;
            }
        }
    }

    private void Answer(byte[] request)
    {
        byte[] answer = [];
        int error = 0;
        try
        {
            if (Answer((Call)U32(request, 4), request, U64(request, 16)) is not { } made)
            {
                return;
            }

            answer = made;
        }
        catch (FuseException e)
        {
            error = e.Error;
        }

        byte[] reply = new byte[OutHeader + answer.Length];
        BinaryPrimitives.WriteInt32LittleEndian(reply, reply.Length);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(4), -error);
        request.AsSpan(8, 8).CopyTo(reply.AsSpan(8));
        answer.CopyTo(reply, OutHeader);
        _ = Write(_connection, reply, reply.Length);
    }

    // Null: that call has no answer.
    private byte[]? Answer(Call call, byte[] request, ulong node)
    {
        switch (call)
        {
            case Call.Init:
                return Words(7, 31, U32(request, InHeader + 8), 0, 0, 128 * 1024, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            case Call.Lookup:
                string name = Encoding.UTF8.GetString(request.AsSpan(InHeader)).TrimEnd('\0');
                int found = Array.IndexOf(_paths, node == 1 ? name : $"{Path(node)}/{name}");
                return found < 0 ? throw new FuseException(NotFound) : [.. Words((uint)found + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), .. Attributes((ulong)found + 1)];
            case Call.GetAttributes or Call.SetAttributes:
                return [.. new byte[16], .. Attributes(node)];
            case Call.Open:
                ulong handle = (ulong)Interlocked.Increment(ref _handles);
                bool reads = (U32(request, InHeader) & 3) == 0;
                _open[handle] = reads ? OnOpen(Path(node), U32(request, 32)) : [];
                return Words((uint)handle, 0, DirectIo, 0);
            case Call.OpenFolder:
                return new byte[16];
            case Call.Read:
                byte[] content = _open[U64(request, InHeader)];
                int from = (int)Math.Min(U64(request, InHeader + 8), (ulong)content.Length);
                return content[from..Math.Min(content.Length, from + (int)U32(request, InHeader + 16))];
            case Call.Write:
                byte[] before = _written.GetValueOrDefault(U64(request, InHeader), []);
                int at = (int)U64(request, InHeader + 8);
                _written[U64(request, InHeader)] = at <= before.Length ? [.. before.AsSpan(0, at), .. request.AsSpan(InHeader + 40)] : throw new FuseException(NoAccess);
                return Words(U32(request, InHeader + 16), 0);
            case Call.Flush:
                if (_written.TryRemove(U64(request, InHeader), out byte[]? taken))
                {
                    OnWritten(Path(node), taken);
                }

                return [];
            case Call.Release:
                _open.TryRemove(U64(request, InHeader), out _);
                return [];
            case Call.ReleaseFolder or Call.Destroy:
                return [];
            case Call.Forget or Call.ForgetMany or Call.Interrupt:
                return null;
            default:
                throw new FuseException(NotSupported);
        }
    }

    private string Path(ulong node) => _paths[(int)node - 1];

    // struct fuse_attr: inode at 0, mode at 60, links at 64.
    private byte[] Attributes(ulong node)
    {
        string path = Path(node);
        bool folder = path.Length == 0 || _paths.Any(one => one.StartsWith(path + "/", StringComparison.Ordinal));
        byte[] attributes = new byte[88];
        BinaryPrimitives.WriteUInt64LittleEndian(attributes, node);
        BinaryPrimitives.WriteUInt32LittleEndian(attributes.AsSpan(60), folder ? 0x4000u | 0x1ED : 0x8000u | 0x1B6);
        BinaryPrimitives.WriteUInt32LittleEndian(attributes.AsSpan(64), folder ? 2u : 1);
        return attributes;
    }

    private static uint U32(byte[] request, int at) => BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(at));

    private static ulong U64(byte[] request, int at) => BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(at));

    private static byte[] Words(params uint[] words) => MemoryMarshal.AsBytes<uint>(words).ToArray();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint Read(int descriptor, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, byte[] buffer, nint length);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}

/// <summary>A call of the file system is refused.</summary>
/// <param name="error">errno.</param>
internal sealed class FuseException(int error) : Exception
{
    internal int Error => error;
}
