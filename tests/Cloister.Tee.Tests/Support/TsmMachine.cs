using System.Globalization;
using System.Text;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vm;

namespace Cloister.Tee.Tests.Support;

/// <summary>A machine with configfs-tsm that behaves as drivers/virt/coco/tsm.c of Linux does: entries, generations, reports made on reading.</summary>
internal abstract class TsmMachine : FakeMachine
{
    protected TsmMachine()
    {
        Folders.Add(TsmReports.Folder);
    }

    internal string Provider { get; set; } = "";

    /// <summary>Makes the report for report data; tests replace it to lie.</summary>
    internal Func<byte[], byte[]> Out { get; set; } = _ => [];

    /// <summary>The certificates; null where the provider shows no such file.</summary>
    internal byte[]? Aux { get; set; }

    /// <summary>Writes of others between ours and the reading.</summary>
    internal int Intruders { get; set; }

    /// <summary>Loses what is written, as a driver that refuses does.</summary>
    internal bool LosesWrites { get; set; }

    /// <summary>Changes the files of every new entry.</summary>
    internal Action<string>? Prepare { get; set; }

    internal int Made { get; private set; }

    /// <summary>The most privileged level that this guest may ask at; null where the provider knows none.</summary>
    internal int? Floor { get; set; }

    /// <summary>The level that the last entry asks at.</summary>
    internal int Level { get; private set; }

    internal IEnumerable<string> Entries => Folders.Where(folder => folder != TsmReports.Folder);

    public override void CreateFolder(string path)
    {
        base.CreateFolder(path);
        Made++;
        ulong generation = 0;
        byte[] input = [];
        this[path + "/provider"].OnRead = () => Encoding.ASCII.GetBytes(Provider + "\n");
        this[path + "/generation"].OnRead = () => Encoding.ASCII.GetBytes(generation.ToString(CultureInfo.InvariantCulture) + "\n");
        this[path + "/inblob"].OnWrite = written =>
        {
            if (LosesWrites)
            {
                return;
            }

            generation++;
            input = written;
        };
        Level = 0;
        if (Floor is { } floor)
        {
            this[path + "/privlevel_floor"].OnRead = () => Encoding.ASCII.GetBytes(floor.ToString(CultureInfo.InvariantCulture) + "\n");
            this[path + "/privlevel"].OnWrite = written =>
            {
                Level = int.Parse(Encoding.ASCII.GetString(written), CultureInfo.InvariantCulture);
                generation++;
            };
        }

        this[path + "/outblob"].OnRead = () =>
        {
            if (input.Length == 0 || Level < Floor)
            {
                throw new DeviceException(path + "/outblob", Errno.Invalid);
            }

            byte[] report = Out(input);
            if (Intruders > 0)
            {
                Intruders--;
                generation++;
            }

            return report;
        };
        if (Aux is not null)
        {
            this[path + "/auxblob"].OnRead = () => Aux;
        }

        Prepare?.Invoke(path);
    }
}
