namespace Cloister.Tee.Tests.Support;

/// <summary>A file with behaviour: what reading gives is made when it is opened, what was written is taken when it is closed, as in configfs.</summary>
internal sealed class FakeNode
{
    internal Func<byte[]> OnRead { get; set; } = () => [];

    internal Action<byte[]> OnWrite { get; set; } = _ => { };

    internal ControlCall? OnControl { get; set; }

    /// <summary>Errors of the next calls, by call: "open", "read", "write", "control".</summary>
    internal Dictionary<string, Queue<int>> Errors { get; } = [];

    /// <summary>The most that one read gives.</summary>
    internal int Chunk { get; set; } = int.MaxValue;

    /// <summary>The most that one write takes.</summary>
    internal int Taken { get; set; } = int.MaxValue;

    internal unsafe delegate void ControlCall(uint code, void* argument);

    internal void Fail(string call, int error, int times = 1)
    {
        Errors.TryAdd(call, new Queue<int>());
        for (int i = 0; i < times; i++)
        {
            Errors[call].Enqueue(error);
        }
    }
}
