using Cloister.Cli;

return await CliProgram.RunAsync(CloisterCommand.Create(), args);
