using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cloister.Enclave.Vm;

/// <summary>
/// An IPv4 address on the one network device, for hosts without vsock: a file of the appended configuration says which, so it is measured. Without the file there is
/// no network. <c>address ADDRESS/BITS</c> and <c>gateway ADDRESS</c>, a line each. Source: netdevice(7). secrets: none.
/// </summary>
internal sealed unsafe class MachineNetwork
{
    internal const string Path = "/etc/cloister/network";

    private const string Device = "eth0";
    private const int RequestSize = 40;
    private const int NameSize = 16;
    private const int RouteSize = 120;
    private const short InterNetwork = 2;
    private const int Datagram = 2;
    private const short Up = 1;
    private const short UpAndGateway = 3;
    private const nuint SetFlags = 0x8914;
    private const nuint SetAddress = 0x8916;
    private const nuint SetMask = 0x891C;
    private const nuint AddRoute = 0x890B;

    private MachineNetwork(IPAddress address, int bits, IPAddress gateway)
    {
        (Address, Bits, Gateway) = (address, bits, gateway);
    }

    internal IPAddress Address { get; }

    internal int Bits { get; }

    internal IPAddress Gateway { get; }

    /// <summary>Of the image; null: no network.</summary>
    internal static MachineNetwork? Read() => File.Exists(Path) ? Parse(File.ReadAllText(Path)) : null;

    internal static MachineNetwork Parse(string text)
    {
        string[] words = text.Split([' ', '\n', '/'], StringSplitOptions.RemoveEmptyEntries);
        return words is ["address", { } own, { } length, "gateway", { } way]
            && TryReadAddress(own, out IPAddress address) && TryReadAddress(way, out IPAddress gateway)
            && int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits is > 0 and < 32
            && text == $"address {address}/{bits}\ngateway {gateway}\n"
            ? new MachineNetwork(address, bits, gateway)
            : throw new MachineException($"{Path} has 'address ADDRESS/BITS' and 'gateway ADDRESS' in IPv4, a line each: write it again with 'cloister vm run --network'");
    }

    internal void Start()
    {
        int socket = MachineException.Check(MachineCalls.Socket(InterNetwork, Datagram, 0), "open a socket");
        byte* request = stackalloc byte[RequestSize];
        Span<byte> bytes = new(request, RequestSize);
        Encoding.ASCII.GetBytes(Device, bytes);
        WriteAddress(bytes[NameSize..], Address);
        MachineException.Check(MachineCalls.Control(socket, SetAddress, request), $"give {Device} the address {Address} (is there a virtio network device?)");
        WriteAddress(bytes[NameSize..], Mask(Bits));
        MachineException.Check(MachineCalls.Control(socket, SetMask, request), $"set the mask of {Device}");
        bytes[NameSize..].Clear();
        BinaryPrimitives.WriteInt16LittleEndian(bytes[NameSize..], Up);
        MachineException.Check(MachineCalls.Control(socket, SetFlags, request), $"start {Device}");

        // struct rtentry: 8 bytes of padding, then target, gateway and mask, 16 bytes each, then flags.
        byte* route = stackalloc byte[RouteSize];
        Span<byte> fields = new(route, RouteSize);
        WriteAddress(fields[8..], IPAddress.Any);
        WriteAddress(fields[24..], Gateway);
        WriteAddress(fields[40..], IPAddress.Any);
        BinaryPrimitives.WriteInt16LittleEndian(fields[56..], UpAndGateway);
        MachineException.Check(MachineCalls.Control(socket, AddRoute, route), $"route through {Gateway}");
        _ = MachineCalls.Close(socket);
    }

    private static bool TryReadAddress(string text, out IPAddress address)
    {
        bool read = IPAddress.TryParse(text, out IPAddress? parsed) && parsed.AddressFamily == AddressFamily.InterNetwork;
        address = parsed ?? IPAddress.None;
        return read;
    }

    // struct sockaddr_in, with port 0.
    private static void WriteAddress(Span<byte> destination, IPAddress address)
    {
        destination[..16].Clear();
        BinaryPrimitives.WriteInt16LittleEndian(destination, InterNetwork);
        address.TryWriteBytes(destination[4..], out _);
    }

    private static IPAddress Mask(int bits)
    {
        byte[] mask = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(mask, uint.MaxValue << (32 - bits));
        return new IPAddress(mask);
    }
}
