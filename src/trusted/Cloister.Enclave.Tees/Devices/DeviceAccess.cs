namespace Cloister.Enclave.Tees.Devices;

/// <summary>How a device file is opened. The values are those of open(2). secrets: none.</summary>
internal enum DeviceAccess
{
    Read = 0,
    Write = 1,
    ReadWrite = 2,
}
